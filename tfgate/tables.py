"""Tables in a terminal, whole even in a narrow one: it may break lines, but no figure is cut."""

from rich.console import Console
from rich.table import Table

_ANY_WIDTH = 10_000


def show(console: Console, table: Table) -> None:
    """Print a table as wide as the terminal, or as wide as its longest words need."""
    options = console.options.update(max_width=_ANY_WIDTH)
    needed = console.measure(table, options=options).minimum
    if needed > console.width:
        table.width = needed
    console.print(table, crop=False)
