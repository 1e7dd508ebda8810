"""A release file as text: one model's part is rewritten, and all else stays as it was typed.

A file is split at its headers, and only the tables whose values change are touched. A comment right
above a header belongs to it, and goes with it; one between blank lines is nobody's, and stays.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError

# The tables of a model, in the order in which new ones are written.
TABLES = ("candidate", "shadow", "guard")

Table = Mapping[str, Any]


class OtherForm(Exception):
    """The file is right, and yet in a form in which nothing can be changed here."""


@dataclass
class _Section:
    """What stands from a header to the next; the one before all headers has no path."""

    path: tuple[str, ...]
    text: str


def with_release(text: str, model: str, wanted: Table) -> str:
    """Return the file's text with the values of one model as they are wanted.

    Raises:
        OtherForm: the model is written in another form than as [models.NAME].
    """
    sections = _split(text)
    path = ("models", model)
    own = {key: value for key, value in wanted.items() if key not in TABLES}
    _put(sections, path, own, after=())
    for name in TABLES:
        _put(sections, (*path, name), wanted.get(name), after=path)
    changed = "".join(section.text for section in sections)
    before = tomllib.loads(text)
    expected = {**before, "models": {**before.get("models", {}), model: wanted}}
    if not _means(changed, expected):
        message = (
            f"{model} is not written as [models.{model}], [models.{model}.candidate] and so on, "
            "each in one place, which alone can be changed here. Write it so, or change it by hand."
        )
        raise OtherForm(message)
    return changed


def _split(text: str) -> list[_Section]:
    sections = [_Section((), "")]
    for line in text.splitlines(keepends=True):
        # Within an array or a text of several lines, a bracket begins nothing.
        if line.lstrip().startswith("[") and _is_whole(sections[-1].text):
            body, lead = _without_lead(sections[-1].text)
            sections[-1].text = body
            sections.append(_Section(_path(line), lead))
        sections[-1].text += line
    return sections


def _is_whole(text: str) -> bool:
    try:
        tomlkit.parse(text)
    except ParseError:
        return False
    return True


def _without_lead(text: str) -> tuple[str, str]:
    """Divide a text before the comments at its very end, which belong to what follows."""
    lines = text.splitlines(keepends=True)
    number = len(lines)
    while number and lines[number - 1].lstrip().startswith("#"):
        number -= 1
    return "".join(lines[:number]), "".join(lines[number:])


def _without_tail(text: str) -> tuple[str, str]:
    """Divide a text before the first blank line after its last value."""
    lines = text.splitlines(keepends=True)
    number = tail = len(lines)
    while number and ((line := lines[number - 1].strip()) == "" or line.startswith("#")):
        number -= 1
        tail = number if line == "" else tail
    return "".join(lines[:tail]), "".join(lines[tail:])


def _path(header: str) -> tuple[str, ...]:
    path = []
    table: Any = tomllib.loads(header)
    while isinstance(table, dict) and table:
        [(name, table)] = table.items()
        path.append(name)
    return tuple(path)


def _put(
    sections: list[_Section],
    path: tuple[str, ...],
    wanted: Table | None,
    *,
    after: tuple[str, ...],
) -> None:
    """Let the table at a path have these values, or be gone.

    A new one comes behind all that begins with `after`.
    """
    if wanted is None:
        _drop(sections, path)
        return
    apart = {
        each.path[len(path)] for each in sections if each.path[: len(path)] == path != each.path
    }
    values = {key: value for key, value in wanted.items() if key not in apart}
    found = next((each for each in sections if each.path == path), None)
    if found is not None:
        found.text = _with_values(found.text, path, values)
        return
    behind = [number for number, each in enumerate(sections) if each.path[: len(after)] == after]
    number = behind[-1] + 1
    _end_with_blank_line(sections[number - 1])
    text = _with_values(tomlkit.dumps(_nested(path)), path, values)
    sections.insert(number, _Section(path, text + ("\n" if sections[number:] else "")))


def _drop(sections: list[_Section], path: tuple[str, ...]) -> None:
    kept: list[_Section] = []
    for section in sections:
        if section.path[: len(path)] != path:
            kept.append(section)
        elif "#" in (tail := _without_tail(section.text)[1]):
            body = kept[-1].text.rstrip("\r\n")
            kept[-1].text = f"{body}\n{tail}" if body else tail.lstrip("\r\n")
    if kept[-1] is not sections[-1]:
        kept[-1].text = kept[-1].text.rstrip() + "\n"
    sections[:] = kept


def _nested(path: tuple[str, ...]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name in reversed(path):
        nested = {name: nested}
    return nested


def _with_values(text: str, path: tuple[str, ...], values: Table) -> str:
    """Change what differs, drop what is not among the values, add what is new at the end."""
    body, tail = _without_tail(text)
    document = tomlkit.parse(body.rstrip() + "\n")
    table: Any = document
    for name in path:
        table = table[name]
    for key in set(table) - values.keys():
        del table[key]
    for key, value in values.items():
        if key not in table or table[key].unwrap() != value:
            table[key] = value
    return tomlkit.dumps(document) + tail


def _end_with_blank_line(section: _Section) -> None:
    if section.text:
        section.text = section.text.rstrip("\r\n") + "\n\n"


def _means(text: str, expected: Table) -> bool:
    try:
        return tomllib.loads(text) == expected
    except tomllib.TOMLDecodeError:
        return False
