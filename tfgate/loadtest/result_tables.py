"""What a load test has found, as tables for a terminal."""

from rich.box import SIMPLE_HEAD
from rich.table import Table

from tfgate.loadtest.counts import Counts, ModelCounts

PERCENTILES = (50, 95, 99, 100)


def models_table(counts: Counts) -> Table:
    """Show each model's requests and how long its right answers took."""
    table = Table("model", box=SIMPLE_HEAD)  # fits into 80 columns
    columns = ["requests", "per s", "p50 ms", "p95 ms", "p99 ms", "max ms", "failures"]
    for column in columns:
        table.add_column(column, justify="right")
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
    table = Table("model", "failure")
    table.add_column("times", justify="right")
    for model, model_counts in sorted(counts.models.items()):
        for kind, times in sorted(model_counts.failed.items()):
            table.add_row(model, kind, f"{times:,}")
    return table
