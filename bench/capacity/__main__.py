"""`python -m bench.capacity COMMAND`: measure the parts, simulate fleets, write docs/capacity.md."""

from typing import Annotated

import typer
from rich.console import Console

from bench.capacity.check import checks
from bench.capacity.measure import measure as measure_all
from bench.capacity.measured import load, save

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
    for each in checks(load()):
        console.print(each.workload, each.measured, each.simulated)


if __name__ == "__main__":
    app()
