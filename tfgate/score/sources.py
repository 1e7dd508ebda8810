"""Rows to be scored: of a CSV, JSON Lines or Parquet file, or a folder of pictures; one by one."""

import csv
import hashlib
import json
from base64 import b64encode
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Row = dict[str, Any]

FILE = "file"  # the column of a picture's name
PICTURE = "picture"  # the column of what is in it
WRONG = "\0wrong"  # in the place of what a row is short of: why it is none
_KINDS = ".csv, .jsonl or .parquet, or a folder of pictures"
_PICTURES = {
    *(".jpg", ".jpeg", ".jfif", ".png", ".gif", ".webp", ".bmp", ".tif", ".tiff"),
    *(".avif", ".heic", ".heif", ".ppm", ".pgm"),
}
_SURPLUS = "\0surplus"  # no column's name: no line of text has that character
_LONGEST_FIELD = 2**27  # characters: the gateway refuses what is too long, and says so
_LARGEST_PICTURE = 100_000_000  # bytes, several of which are held; no gateway takes as many
_NO_UTF_8 = "is no UTF-8. 'iconv -f LATIN1 -t UTF-8' makes it that if it is Latin-1."


class WrongTable(Exception):
    """The input is no table; the message says where, and what is one."""


@dataclass(frozen=True)
class Source:
    """Where rows come from.

    `read` goes through them from the beginning; one that cannot be read has WRONG, and why.
    `progress` says which share was read, 0 to 1. `files` are all that are read.
    """

    path: Path
    read: Callable[[], Generator[Row]]
    progress: Callable[[], float]
    files: Sequence[Path]

    @property
    def identity(self) -> dict[str, Any]:
        """What tells this input from another, so that nobody goes on with the wrong one."""
        told = [(path, path.stat()) for path in self.files]
        digest = hashlib.sha256()
        for path, stat in told:
            digest.update(repr((str(path), stat.st_size, stat.st_mtime_ns)).encode())
        return {
            "input": str(self.path.resolve()),
            "bytes": sum(stat.st_size for _, stat in told),
            "content": digest.hexdigest(),  # as far as names, sizes and times tell it
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


@contextmanager
def _long_fields() -> Iterator[None]:
    """Let the fields of CSV be long, which is a setting of the whole process."""
    usual = csv.field_size_limit(_LONGEST_FIELD)
    try:
        yield
    finally:
        csv.field_size_limit(usual)


def _csv(path: Path) -> Source:
    place = _Place(path)

    def read() -> Generator[Row]:
        # Line by line, so that the place is known; a byte order mark is Excel's.
        with _long_fields(), path.open("rb") as file:
            reader = csv.DictReader(place.lines(file), restkey=_SURPLUS, strict=True)
            try:
                names = reader.fieldnames or ()
            except csv.Error as error:
                message = f"{path}:1 is no CSV: {error}."
                raise WrongTable(message) from error
            if _has_escapes(names):
                message = f"{path}:1 {_NO_UTF_8}"
                raise WrongTable(message)
            while True:
                try:
                    row = next(reader, None)
                except csv.Error as error:
                    yield {WRONG: f"{path}:{reader.reader.line_num} is no CSV: {error}."}
                    continue
                if row is None:
                    return
                yield _whole(row, path, reader.line_num)

    return Source(path, read, place.share, [path])


def _whole(row: Row, path: Path, line: int) -> Row:
    """See that a row has as many values as there are columns, and that they are texts."""
    surplus = row.pop(_SURPLUS, [])
    values = [value for value in row.values() if value is not None] + surplus
    if _has_escapes(values):
        return {WRONG: f"{path}:{line} {_NO_UTF_8}"}
    if len(values) != len(row):
        return {**row, WRONG: f"{path}:{line} has {len(values)} values for {len(row)} columns."}
    return row


def _has_escapes(texts: Iterable[str]) -> bool:
    """Tell whether there are bytes that are no UTF-8, as `_Place.lines` writes them."""
    try:
        for text in texts:
            text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _json_lines(path: Path) -> Source:
    place = _Place(path)

    def read() -> Generator[Row]:
        with path.open("rb") as file:
            for number, line in enumerate(place.lines(file), start=1):
                if line.strip():
                    yield _object(line, f"{path}:{number}")

    return Source(path, read, place.share, [path])


def _object(line: str, place: str) -> Row:
    if _has_escapes([line]):
        return {WRONG: f"{place} {_NO_UTF_8}"}
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return {WRONG: f"{place} is no JSON: {error}."}
    return row if isinstance(row, dict) else {WRONG: f"{place} is no JSON object: give one a line."}


class _Place:
    """How far a file of text was read."""

    def __init__(self, path: Path) -> None:
        self._size = max(1, path.stat().st_size)
        self._read = 0

    def lines(self, file: Any) -> Iterator[str]:
        """Go through its lines; bytes that are no UTF-8 become what no text has."""
        self._read = 0
        for number, line in enumerate(file, start=1):
            self._read += len(line)
            yield line.decode("utf-8-sig" if number == 1 else "utf-8", "surrogateescape")

    def share(self) -> float:
        return self._read / self._size


def _parquet(path: Path) -> Source:
    # Not at the top: it is an extra, which only such files need.
    import pyarrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    try:
        num_rows = max(1, parquet.read_metadata(path).num_rows)
    except (pyarrow.ArrowException, OSError) as error:
        message = f"{path} is no Parquet file: {error}."
        raise WrongTable(message) from error
    read_rows = 0

    def read() -> Generator[Row]:
        nonlocal read_rows
        read_rows = 0
        with parquet.ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=256)
            while True:
                try:
                    batch = next(batches, None)
                except (pyarrow.ArrowException, OSError) as error:
                    message = f"{path} cannot be read after {read_rows:,} rows: {error}."
                    raise WrongTable(message) from error
                if batch is None:
                    return
                for row in batch.to_pylist():
                    read_rows += 1
                    yield row

    return Source(path, read, lambda: read_rows / num_rows, [path])


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

    def read() -> Generator[Row]:
        nonlocal num_read
        for num_read, path in enumerate(files, start=1):  # noqa: B007  # it is what progress tells
            yield {FILE: str(path.relative_to(folder)), **_picture(path)}

    return Source(folder, read, lambda: num_read / len(files), files)


def _picture(path: Path) -> Row:
    try:
        if path.stat().st_size > _LARGEST_PICTURE:
            return {WRONG: f"{path} has more than {_LARGEST_PICTURE:,} bytes."}
        return {PICTURE: b64encode(path.read_bytes()).decode()}
    except OSError as error:
        return {WRONG: f"{path} cannot be read: {error.strerror}."}
