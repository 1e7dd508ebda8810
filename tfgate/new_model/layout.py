"""Python as ruff lays it out, in lines of a hundred characters: on one line, or one item a line."""

from collections.abc import Iterable

WIDTH = 100


def block(begin: str, items: Iterable[str], end: str, *, indent: int) -> str:
    """Write a call or a display: on one line if it fits, else an item a line.

    `begin` is what stands before the items, with its bracket; `end` closes it.
    """
    items = list(items)
    line = " " * indent + begin + ", ".join(items) + end
    if len(line) <= WIDTH:
        return line
    return opened(begin, items, end, indent=indent)


def opened(begin: str, items: Iterable[str], end: str, *, indent: int) -> str:
    """Write it with an item a line, also where it would fit on one."""
    outside, inside = " " * indent, " " * (indent + 4)
    return "\n".join([outside + begin, *(f"{inside}{item}," for item in items), outside + end])
