"""TOML as a text with lines: on which of them something stands, or is wrong.

`tomllib` gives values without their places. Knows nothing of what the values mean.
"""

import re
import tomllib
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

Path = Sequence[str | int]

_PLACE = re.compile(r" \(at (?:line (?P<line>[0-9]+), column (?P<column>[0-9]+)|end of document)\)")
# What decides where a statement ends: brackets and line breaks, but those of texts and comments.
_SIGNS = re.compile(
    r"""
    \"{3} (?: \\. | [^\\] )*? \"{3}
    | '{3} .*? '{3}
    | (?P<open> \"{3} | '{3} ) .*
    | " (?: \\. | [^"\\\n] )* "
    | ' [^'\n]* '
    | \# [^\n]*
    | [][{}\n]
    """,
    re.DOTALL | re.VERBOSE,
)
_CLOSING = {"[": "]", "{": "}"}
_MAX_PARTS = 16  # of a dotted name: `tomllib` takes 11 seconds for one of 8,000, in 16 kB
_PART = r"""(?: [A-Za-z0-9_-]+ | "" )"""
_LONG_NAME = re.compile(
    rf"(?<! [A-Za-z0-9_-] ) {_PART} (?: [ \t]* \. [ \t]* {_PART} ){{{_MAX_PARTS}}}", re.VERBOSE
)
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
    if found := _LONG_NAME.search(_without_texts(text)):
        message = f"a name has more than {_MAX_PARTS} parts between dots; mend this line"
        raise WrongToml(found.string.count("\n", 0, found.start()) + 1, message)
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _told(text, str(error)) from error
    except (ValueError, RecursionError) as error:
        # Of a number with thousands of digits, or lists in lists in lists, Python tells no place.
        message = f"this is more than can be read: {error}"
        raise WrongToml(_first_wrong(text), message) from error


def line_of(text: str, path: Path) -> int:
    """Return the line of a text that is TOML on which the value at a path begins.

    What is not there is told by the table, or the list, that should hold it.
    """
    header, found, most = "", 1, 0
    for before, statement in _statements(text):
        is_header = statement.lstrip().startswith("[")
        table = "" if is_header else header
        header = f"{statement}\n" if is_header else header
        held = _num_held(_read(table + statement), path)
        if held > most:
            lines = _num_lines_until(statement, partial(_holds, path[:held], table))
            found, most = before + lines, held
        if most == len(path):
            break
    return found


def _without_texts(text: str) -> str:
    """Empty all texts and comments, and keep the lines."""

    def emptied(sign: re.Match[str]) -> str:
        if sign[0][0] == "#":
            return ""
        return '""' + "\n" * sign[0].count("\n") if sign[0][0] in "\"'" else sign[0]

    return _SIGNS.sub(emptied, text)


def _told(text: str, message: str) -> WrongToml:
    place = _PLACE.search(message)
    what = _PLACE.sub("", message)
    if place is None or place["line"] is None:
        message = f"this is no TOML: {what} at the end; is it half written?"
        return WrongToml(_first_wrong(text), message)
    line = int(place["line"])
    shown = text.split("\n")[line - 1].strip()[:_MAX_SHOWN]
    return WrongToml(
        line, f"this is no TOML: {what} at column {place['column']} of {shown!r}; mend this line"
    )


def _first_wrong(text: str) -> int:
    """Return the line from which on a text is no TOML; the last one, if more may make it such."""
    for before, statement in _statements(text.rstrip()):
        if _read(statement) is None:
            return before + _num_lines_until(
                statement, lambda beginning: _read_so_far(beginning) is None
            )
    return text.rstrip().count("\n") + 1


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Go through headers, and keys with their values; each with the number of lines before it."""
    start = depth = num_lines = 0
    text = text.replace("\r\n", "\n")
    for sign in _SIGNS.finditer(text):
        if sign[0] in _CLOSING:
            depth += 1
        elif sign[0] in _CLOSING.values():
            depth -= 1
        elif sign[0] == "\n" and depth == 0:
            statement = text[start : sign.start()]
            yield num_lines, statement
            start = sign.end()
            num_lines += statement.count("\n") + 1
    yield num_lines, text[start:]


def _num_lines_until(statement: str, is_reached: Callable[[str], bool]) -> int:
    """Return how many lines it takes, at the least, until something is reached, which lasts."""
    lines = statement.split("\n")
    counts = range(1, len(lines))
    return 1 + bisect_left(counts, True, key=lambda count: is_reached("\n".join(lines[:count])))


def _read_so_far(beginning: str) -> dict[str, Any] | None:
    """Read the first lines of a statement, which may end within a list, or a text.

    None stands for what is no TOML, however it may go on.
    """
    opened: list[str] = []
    text = ""
    for sign in _SIGNS.finditer(beginning):
        text = sign["open"] or ""
        if sign[0] in _CLOSING:
            opened.append(_CLOSING[sign[0]])
        elif sign[0] in opened[-1:]:
            opened.pop()
    return _read(beginning + text + "\n" * bool(opened) + "".join(reversed(opened)))


def _read(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError):
        return None


def _holds(path: Path, table: str, beginning: str) -> bool:
    return _num_held(_read_so_far(table + beginning), path) == len(path)


def _num_held(value: Any, path: Path) -> int:
    """Return how many parts of a path there are."""
    for number, part in enumerate(path):
        is_index = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if not is_index and not (isinstance(value, dict) and part in value):
            return number
        value = value[part]
    return len(path)
