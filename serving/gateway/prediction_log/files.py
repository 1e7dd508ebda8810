"""Records in files of a folder: begun anew when one is full or old, the oldest taken away.

Lines of JSON are written as they come. For Parquet, which cannot be read before its end is
written, they are gathered in such a file too, and made a table once it is finished: whoever is
killed leaves lines that can be read, and that a later process makes a table of.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

import orjson

from serving.gateway.prediction_log.folder import (
    claim,
    create,
    files,
    make_room,
    size_of,
    time_in_name,
)
from serving.gateway.prediction_log.records import Record

Format = Literal["jsonl", "parquet"]
_FILE_PART = 20  # of the bytes that all files may have, of which one file is one
_FILE_SECONDS = 3_600
# A file of lines that has not grown for so long has nobody who writes it: nobody keeps one longer.
_LEFT_SECONDS = 2 * _FILE_SECONDS
_PIECE_PART = 100  # of those bytes, of which is written at once


class Files:
    """A folder of files; only their owner may read them."""

    max_rows = 1_000

    def __init__(
        self,
        folder: Path,
        form: Format,
        max_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._makes_tables = form == "parquet"
        self._max_bytes = max_bytes
        self._clock = clock
        self._path: Path | None = None
        self._ended: list[Path] = []  # files of lines that tables are to be made of
        self._began = self._next_look = 0.0
        self._num_bytes = 0

    def write(self, records: Sequence[Record]) -> None:
        """Write records; whoever is killed in it leaves half a line at most.

        Raises:
            OSError: the folder cannot be written to, or is full; pieces before it are written.
        """
        lines = [orjson.dumps(record, option=_OPTIONS) for record in records]
        for piece in _pieces(lines, self._max_bytes // _PIECE_PART):
            self._end_if_due(self._clock())
            if self._path is None:
                self._path = self._begin(self._clock())
            try:
                make_room(self._folder, len(piece), self._max_bytes)
                self._num_bytes = _append(self._path, piece)
            except FileNotFoundError:
                self._path = None  # the folder has gone; the next time there is another
                raise

    def rotate(self) -> None:
        """Finish what is full or old, and what others have left.

        Raises:
            OSError: no table can be made of some lines, which stay as they are.
        """
        now = self._clock()
        self._end_if_due(now)
        self._make_tables()
        if self._makes_tables and now >= self._next_look:
            self._next_look = now + _FILE_SECONDS
            self._adopt(now)

    def close(self) -> None:
        """Finish the file that is being written.

        Raises:
            OSError: no table can be made of its lines, which stay as they are.
        """
        self._end()
        self._make_tables()

    def _end_if_due(self, now: float) -> None:
        is_full = self._num_bytes >= self._max_bytes // _FILE_PART
        if self._path is not None and (is_full or now - self._began >= _FILE_SECONDS):
            self._end()

    def _end(self) -> None:
        if self._path is not None and self._makes_tables:
            self._ended.append(self._path)
        self._path, self._num_bytes = None, 0

    def _begin(self, now: float) -> Path:
        self._began, self._num_bytes = now, 0
        return create(self._folder, time_in_name(now), ".jsonl", hidden=self._makes_tables)

    def _adopt(self, now: float) -> None:
        """Make tables of the lines of those who have died."""
        if not self._folder.is_dir():
            return
        for path in files(self._folder):
            if not path.name.startswith("_"):
                continue
            with suppress(FileNotFoundError):  # another process was faster
                if path.stat().st_mtime >= now - _LEFT_SECONDS:
                    continue
                if path.suffix == ".jsonl":
                    self._make_table(claim(path))
                else:  # half a table, whose lines are there too
                    path.unlink()

    def _make_tables(self) -> None:
        while self._ended:
            with suppress(FileNotFoundError):  # taken away, as the oldest
                self._make_table(self._ended.pop(0))

    def _make_table(self, lines: Path) -> None:
        # Not at the top: it needs an extra, which only this form does.
        from serving.gateway.prediction_log.table import make_table  # noqa: PLC0415

        make_room(self._folder, size_of(lines), self._max_bytes, wanted=lines)
        make_table(lines)


_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


def _pieces(lines: Sequence[bytes], max_bytes: int) -> Iterator[bytes]:
    """Put so many lines together as are not more than `max_bytes`; at least one."""
    piece: list[bytes] = []
    num_bytes = 0
    for line in lines:
        if piece and num_bytes + len(line) > max_bytes:
            yield b"".join(piece)
            piece, num_bytes = [], 0
        piece.append(line)
        num_bytes += len(line)
    if piece:
        yield b"".join(piece)


def _append(path: Path, lines: bytes) -> int:
    """Append lines, all of them or none: half of one would spoil the next. Returns the new size."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        written = 0
        try:
            while written < len(lines):
                written += os.write(descriptor, lines[written:])
        except OSError:
            os.ftruncate(descriptor, size)
            raise
        return size + written
    finally:
        os.close(descriptor)
