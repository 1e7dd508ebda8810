"""`python -m soak`: run a soak, say what it found, fail if anything was wrong."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from soak.run import run
from soak.schedule import Schedule, short
from soak.summary import Findings, Summary

SHORT_MINUTES = 5  # below, memory cannot be judged as strictly


def main(
    minutes: Annotated[float, typer.Option(min=0.5, help="how long it lasts")] = 10,
    json: Annotated[Path | None, typer.Option(help="file for the summary")] = None,
    log: Annotated[Path, typer.Option(help="file for what the servers say")] = Path("soak.log"),
) -> None:
    """Ask a gateway without pause while versions are swapped and its model server is killed."""
    seconds = minutes * 60
    if minutes < SHORT_MINUTES:
        schedule = short(seconds, swap_seconds=20, num_kills=2)
    else:
        schedule = Schedule(seconds)
    columns = (BarColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with log.open("wb") as log_file, Progress(*columns, transient=True) as progress:
        task = progress.add_task("starting", total=seconds)

        def show(elapsed: float, findings: Findings) -> None:
            progress.update(task, completed=elapsed, description=_describe(findings))

        summary = run(schedule, show, log_file)
    if json:
        json.write_text(summary.model_dump_json(indent=2) + "\n")
    _print(summary)
    if summary.failures:
        raise typer.Exit(1)


def _describe(findings: Findings) -> str:
    tally = findings.tally
    return (
        f"{tally.right.total()} right, {tally.num_wrong} wrong, {len(tally.errors)} errors, "
        f"{len(findings.published)} versions, {len(findings.outages)} kills, "
        f"{findings.memory_now_mb:.1f} MB"
    )


def _print(summary: Summary) -> None:
    console = Console()
    table = Table("", "", title=f"{summary.seconds / 60:g} minutes", show_header=False)
    for model, number in sorted(summary.right_answers.items()):
        table.add_row(f"right answers, {model}", f"{number}")
    table.add_row("wrong answers", f"{summary.wrong_answers}")
    table.add_row("versions published", f"{summary.versions_published}")
    for number, kill in enumerate(summary.kills, start=1):
        errors = ", ".join(f"{count} x {code}" for code, count in kill.errors.items()) or "none"
        table.add_section()
        table.add_row(f"kill {number}: model server away", f"{kill.away_seconds:.1f} s")
        table.add_row("errors", errors)
        table.add_row("longest wait for an error", f"{kill.longest_error_seconds:.2f} s")
        table.add_row("errors after its return, for", f"{kill.outage_seconds:.2f} s")
    table.add_section()
    before, end = summary.memory_after_warm_up_mb, summary.memory_at_end_mb
    growth, accepted = summary.memory_growth, summary.memory_growth_accepted
    table.add_row("gateway's memory after warm-up, at the end", f"{before:.1f} MB, {end:.1f} MB")
    table.add_row("growth, and what is accepted", f"{growth:.1%}, {accepted:.0%}")
    console.print(table)
    for failure in summary.failures:
        console.print(f"FAILED: {failure}", style="red", markup=False)
    if not summary.failures:
        console.print("all is well", style="green")


if __name__ == "__main__":
    typer.run(main)
