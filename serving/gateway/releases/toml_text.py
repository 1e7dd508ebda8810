"""TOML as a text with lines: on which of them something stands, or is wrong.

`tomllib` gives values without their places. Knows nothing of what the values mean.
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

Path = Sequence[str | int]

_PLACE = re.compile(r" \(at (?:line (?P<line>[0-9]+), column (?P<column>[0-9]+)|end of document)\)")
# Where brackets are none, and lines break without an end: texts and comments.
_TEXTS = re.compile(
    r'"""(?:\\.|[^\\])*?"""|'
    + r"'''.*?'''|"
    + r'"(?:\\.|[^"\\\n])*"|'
    + r"'[^'\n]*'|"
    + r"#[^\n]*",
    re.DOTALL,
)
_OPEN_TEXT = re.compile("\"\"\"|'''")
_CLOSING = {"[": "]", "{": "}"}
_MAX_SHOWN = 60  # characters of a line


class WrongToml(Exception):
    """A text is no TOML, from a line on; the lines count from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


def parse(text: str) -> dict[str, Any]:
    """Read TOML.

    Raises:
        WrongToml: it is none.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _told(text, str(error)) from error
    except (ValueError, RecursionError) as error:
        # Of a number with thousands of digits, or lists in lists in lists, Python tells no place.
        line = _first_line(text, _is_beyond_python)
        raise WrongToml(line, f"this is more than can be read: {error}") from error


def line_of(text: str, path: Path) -> int:
    """Return the line of a text that is TOML on which the value at a path begins.

    What is not there is told by the nearest table, or list, that should hold it.
    """
    whole = tomllib.loads(text)
    there = next(path[:end] for end in range(len(path), -1, -1) if _holds(whole, path[:end]))
    return _first_line(text, lambda beginning: _holds(_read_so_far(beginning), there))


def _told(text: str, message: str) -> WrongToml:
    place = _PLACE.search(message)
    what = _PLACE.sub("", message)
    if place is None or place["line"] is None:
        line = text.rstrip("\n").count("\n") + 1
        return WrongToml(line, f"this is no TOML: {what} at the end; is it half written?")
    line = int(place["line"])
    shown = text.split("\n")[line - 1].strip()[:_MAX_SHOWN]
    return WrongToml(
        line, f"this is no TOML: {what} at column {place['column']} of {shown!r}; mend this line"
    )


def _first_line(text: str, is_reached: Callable[[str], bool]) -> int:
    """Return how many lines it takes, at the least, until something is reached, which lasts."""
    lines = text.split("\n")
    counts = range(1, len(lines) + 1)
    found = bisect_left(counts, True, key=lambda count: is_reached("\n".join(lines[:count])))
    return min(found + 1, len(lines))


def _is_beyond_python(beginning: str) -> bool:
    try:
        tomllib.loads(beginning)
    except tomllib.TOMLDecodeError:
        return False
    except (ValueError, RecursionError):
        return True
    return False


def _read_so_far(beginning: str) -> dict[str, Any]:
    """Read the first lines of a text, which may end within a list, or a text of several lines."""
    bare = _TEXTS.sub("", beginning)
    closing = ""
    if text := _OPEN_TEXT.search(bare):
        closing = text[0]
        bare = bare[: text.start()]
    opened: list[str] = []
    for bracket in re.findall(r"[][{}]", bare):
        if bracket in _CLOSING:
            opened.append(_CLOSING[bracket])
        elif opened:
            opened.pop()
    closing += "\n" * bool(opened) + "".join(reversed(opened))
    try:
        return tomllib.loads(beginning + closing)
    except ValueError:
        return {}


def _holds(value: Any, path: Path) -> bool:
    for part in path:
        if isinstance(value, dict):
            if part not in value:
                return False
        elif not (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            return False
        value = value[part]
    return True
