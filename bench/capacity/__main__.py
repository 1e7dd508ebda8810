"""`python -m bench.capacity COMMAND`: measure parts, simulate fleets, write docs/capacity.md."""

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from bench.capacity import tables
from bench.capacity.check import checks
from bench.capacity.measure import measure as measure_all
from bench.capacity.measured import load, save
from bench.capacity.report import write_report

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
console = Console()


@app.command()
def measure(
    seconds: Annotated[int, typer.Option(min=1, help="of each closed loop")] = 2,
) -> None:
    """Measure the parts anew, on two processors that nobody else uses: a minute."""
    save(measure_all(seconds))


@app.command()
def check() -> None:
    """Simulate the closed loops that were measured, and print both."""
    console.print(tables.check(checks(load())))


@app.command()
def report() -> None:
    """Simulate everything, and write docs/capacity.md and its charts: a few minutes."""
    with Progress(console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def show(name: str, percent: float) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name)
            bars.update(tasks[name], completed=percent)

        page = write_report(load(), show)
    console.print(f"written: {page}")


if __name__ == "__main__":
    app()
