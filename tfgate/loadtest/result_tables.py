"""What a load test has found, as tables for a terminal."""

from rich.box import SIMPLE_HEAD
from rich.table import Column, Table

from tfgate.loadtest.counts import Counts, ModelCounts

PERCENTILES = (50, 95, 99, 100)


def models_table(counts: Counts) -> Table:
    """Show each model's requests and how long its right answers took."""
    # Fits into 80 columns: a share of failures may go below their number.
    table = Table(Column("model", no_wrap=True), box=SIMPLE_HEAD)
    for column in ("requests", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("failures", justify="right", min_width=len("failures"))
    for model, model_counts in sorted(counts.models.items()):
        table.add_row(model, *_figures(model_counts, counts.seconds))
    return table


def _figures(counts: ModelCounts, seconds: float) -> list[str]:
    times = [counts.percentile(percent) for percent in PERCENTILES]
    share = counts.num_failed / max(1, counts.num_requests)
    return [
        f"{counts.num_requests:,}",
        f"{counts.num_requests / seconds:.1f}",
        *("" if time is None else f"{time:,}" for time in times),
        f"{counts.num_failed:,} ({share:.2%})" if counts.num_failed else "0",
    ]


def failures_table(counts: Counts) -> Table:
    """Show how often each model's requests failed, by kind."""
    table = Table(Column("model", no_wrap=True), "failure")
    table.add_column("times", justify="right", no_wrap=True)
    for model, model_counts in sorted(counts.models.items()):
        for kind, times in sorted(model_counts.failed.items()):
            table.add_row(model, kind, f"{times:,}")
    return table
