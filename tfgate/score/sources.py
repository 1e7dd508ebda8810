"""Rows to be scored: of a CSV, JSON Lines or Parquet file, or a folder of pictures; one by one."""

import csv
import json
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]

FILE = "file"  # the column of a picture's name
PICTURE = "picture"  # the column of what is in it
_KINDS = ".csv, .jsonl or .parquet, or a folder of pictures"
_PICTURES = {
    *(".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".ppm", ".pgm"),
}
_SURPLUS = "\0surplus"  # no column's name: no line of text has that character
_LONGEST_FIELD = 2**27  # characters: the gateway refuses what is too long, and says so


class WrongTable(Exception):
    """The input is no table; the message says where, and what is one."""


@dataclass(frozen=True)
class Source:
    """Where rows come from.

    `read` goes through them from the beginning; `progress` says which share was read, 0 to 1.
    """

    path: Path
    read: Callable[[], Iterator[Row]]
    progress: Callable[[], float]

    @property
    def identity(self) -> dict[str, Any]:
        """What tells this input from another, so that nobody goes on with the wrong one."""
        told = self.path.stat()
        return {
            "input": str(self.path.resolve()),
            "bytes": told.st_size,
            "changed": told.st_mtime_ns,
        }


def source_of(path: Path) -> Source:
    """Find out how an input is read.

    Raises:
        WrongTable: there is no such input, or it is of no kind that is read here.
    """
    if path.is_dir():
        return _pictures(path)
    if not path.is_file():
        message = f"there is no {path}: give a file that ends in {_KINDS}."
        raise WrongTable(message)
    kinds = {".csv": _csv, ".jsonl": _json_lines, ".ndjson": _json_lines, ".parquet": _parquet}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        message = f"{path} is of no kind that is read here: give a file that ends in {_KINDS}."
        raise WrongTable(message)
    return kind(path)


def _csv(path: Path) -> Source:
    place = _Place(path)

    def read() -> Iterator[Row]:
        csv.field_size_limit(_LONGEST_FIELD)
        # Line by line, so that the place is known; a byte order mark is Excel's.
        with path.open("rb") as file:
            reader = csv.DictReader(place.lines(file), restkey=_SURPLUS, strict=True)
            try:
                for row in reader:
                    yield _whole(row, path, reader.line_num)
            except csv.Error as error:
                message = f"{path}:{reader.line_num} is no CSV: {error}."
                raise WrongTable(message) from error

    return Source(path, read, place.share)


def _whole(row: Row, path: Path, line: int) -> Row:
    """See that a row has as many values as there are columns."""
    surplus = row.pop(_SURPLUS, [])
    num_values = sum(value is not None for value in row.values()) + len(surplus)
    if num_values != len(row):
        message = f"{path}:{line} has {num_values} values for {len(row)} columns."
        raise WrongTable(message)
    return row


def _json_lines(path: Path) -> Source:
    place = _Place(path)

    def read() -> Iterator[Row]:
        with path.open("rb") as file:
            for number, line in enumerate(place.lines(file), start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except ValueError as error:
                    message = f"{path}:{number} is no JSON: {error}."
                    raise WrongTable(message) from error
                if not isinstance(row, dict):
                    message = f"{path}:{number} is no JSON object: give one a line."
                    raise WrongTable(message)
                yield row

    return Source(path, read, place.share)


class _Place:
    """How far a file of text was read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = max(1, path.stat().st_size)
        self._read = 0

    def lines(self, file: Any) -> Iterator[str]:
        """Go through its lines.

        Raises:
            WrongTable: one is no UTF-8.
        """
        self._read = 0
        for number, line in enumerate(file, start=1):
            self._read += len(line)
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                message = (
                    f"{self._path}:{number} is no UTF-8. "
                    "'iconv -f LATIN1 -t UTF-8' makes it that if it is Latin-1."
                )
                raise WrongTable(message) from error

    def share(self) -> float:
        return self._read / self._size


def _parquet(path: Path) -> Source:
    # Not at the top: it is an extra, which only such files need.
    import pyarrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    try:
        num_rows = max(1, parquet.read_metadata(path).num_rows)
    except pyarrow.ArrowInvalid as error:
        message = f"{path} is no Parquet file: {error}."
        raise WrongTable(message) from error
    read_rows = 0

    def read() -> Iterator[Row]:
        nonlocal read_rows
        read_rows = 0
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=256):
                for row in batch.to_pylist():
                    read_rows += 1
                    yield row

    return Source(path, read, lambda: read_rows / num_rows)


def _pictures(folder: Path) -> Source:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in _PICTURES and path.is_file() and not path.name.startswith(".")
    )
    if not files:
        message = f"{folder} holds no picture: {', '.join(sorted(_PICTURES))} are looked for."
        raise WrongTable(message)
    num_read = 0

    def read() -> Iterator[Row]:
        nonlocal num_read
        for num_read, path in enumerate(files, start=1):  # noqa: B007  # it is what progress tells
            name = str(path.relative_to(folder))
            yield {FILE: name, PICTURE: b64encode(path.read_bytes()).decode()}

    return Source(folder, read, lambda: num_read / len(files))
