"""Reads a user's table, a .csv file with a header; what is wrong is named by line and column."""

import csv
import io
import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.data.texts import SPREADSHEET, NoText, decode
from training.errors import DataCorrupt

GAPS = ("", "NA")  # how a missing value is written: not at all, or as R does
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}


@dataclass(frozen=True)
class Table:
    """The fields of each column in the order of the rows, and the line where each row ends."""

    path: Path
    columns: dict[str, list[str]]
    lines: list[int]

    def __len__(self) -> int:
        return len(self.lines)

    def numbers(self, column: str, *, may_miss: bool = False) -> NDArray[np.float32]:
        """Give a column, gaps as NaN.

        Raises:
            DataCorrupt: a field is no number, or a gap where there may be none.
        """
        values = np.full(len(self), np.nan, np.float32)
        for row, field in enumerate(self.columns[column]):
            if field.strip() in GAPS:
                continue
            try:
                values[row] = _number(field)
            except ValueError as error:
                raise DataCorrupt(
                    f"{self._place(row, column)} is {field!r}, which is no number: "
                    f"{_mend_number(field, self.path)}"
                ) from error
        gaps = np.flatnonzero(np.isnan(values))
        if len(gaps) and not may_miss:
            raise DataCorrupt(
                f"{self._place(int(gaps[0]), column)} is empty, as in {len(gaps):,} of "
                f"{len(self):,} rows: fill it in, or leave out the rows that lack it"
            )
        return values

    def _place(self, row: int, column: str) -> str:
        return f"{self.path}, line {self.lines[row]}: {column}"


def read_table(path: Path, columns: Sequence[str]) -> Table:
    """Read a file in UTF-8, with commas between its fields, that has these columns at least.

    Raises:
        DataCorrupt: it is something else, lacks a column, or has a row that is not as its header.
    """
    file = shlex.quote(str(path))
    try:
        text = decode(path.read_bytes(), file=file)
    except NoText as error:
        raise DataCorrupt(f"{path} cannot be read: {error}") from error
    if not text.strip():
        raise DataCorrupt(f"{path} is empty: its first line must name {', '.join(columns)}")
    if text[:4].lower() == "sep=":
        raise DataCorrupt(
            f"{path}, line 1: {text.splitlines()[0]!r} is for Excel alone; remove it: "
            f"tail -n +2 {file} > new && mv new {file}"
        )
    header = [name.strip() for name in next(csv.reader(io.StringIO(text, newline="")))]
    _check_header(path, header, columns)
    rows = list(_rows(path, header, text))
    if not rows:
        raise DataCorrupt(f"{path} has a header, and no row below it")
    numbers, fields = zip(*rows, strict=True)
    by_column = dict(zip(header, map(list, zip(*fields, strict=True)), strict=True))
    return Table(path, by_column, list(numbers))


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    if not (missing := [name for name in columns if name not in header]):
        if twice := [name for name, count in Counter(header).items() if count > 1]:
            raise DataCorrupt(
                f"{path}, line 1: there are several columns {twice[0]!r}: leave one of them, or "
                "give the others names of their own"
            )
        return
    for separator, word in SEPARATORS.items():
        if sum(name.count(separator) for name in header) >= len(header):
            raise DataCorrupt(
                f"{path} has {word} between its fields, where commas must be. "
                f"{_convert(path, separator)}"
            )
    plain = {name.lower().replace(" ", "_"): name for name in header}
    near = {name: get_close_matches(name.lower(), plain, 1, 0.75) for name in missing}
    meant = [f"{plain[match[0]]!r} is probably {name}" for name, match in near.items() if match]
    raise DataCorrupt(
        f"{path}, line 1: there is no column {', '.join(missing)}; the columns there are "
        f"{', '.join(map(repr, header))}. "
        + (
            f"Rename them: {'; '.join(meant)}"
            if meant
            else f"The first line must name {', '.join(columns)}"
        )
    )


def _rows(path: Path, header: Sequence[str], text: str) -> Iterator[tuple[int, list[str]]]:
    """Give each row below the header with the number of the line that it ends in."""
    reader = csv.reader(io.StringIO(text, newline=""))
    next(reader)
    try:
        for fields in reader:
            if not fields:
                continue
            if len(fields) != len(header):
                raise DataCorrupt(
                    f"{path}, line {reader.line_num}: there are {len(fields)} fields, in the "
                    f"header {len(header)}: put fields that hold a comma between quotation marks, "
                    "and leave a missing one empty"
                )
            yield reader.line_num, fields
    except csv.Error as error:
        raise DataCorrupt(
            f"{path}, line {reader.line_num}: {error}: look for a quotation mark without its second"
        ) from error


def _number(field: str) -> float:
    value = float(field)
    if abs(value) > float(np.finfo(np.float32).max):
        raise ValueError("it is infinite as a float32")
    return value


def _mend_number(field: str, path: Path) -> str:
    if "," in field:
        return f"write a decimal point, and nothing between thousands. {_convert(path, ',')}"
    return "mend it, or leave the field empty"


def _convert(path: Path, separator: str) -> str:
    """Give the command that writes commas between fields, and points for decimal commas."""
    program = (
        "import csv, re, sys; "
        r"point = lambda field: re.sub(r'^(-?[\d.]+),(\d+)$', "
        r"lambda found: found[1].replace('.', '') + '.' + found[2], field); "
        "csv.writer(sys.stdout).writerows(map(point, row) for row in "
        f"csv.reader(sys.stdin, delimiter={separator!r}))"
    )
    file = shlex.quote(str(path))
    return (
        f"Convert it: python3 -c {shlex.quote(program)} < {file} > new && mv new {file}; or "
        f"{SPREADSHEET}, with English as its language"
    )
