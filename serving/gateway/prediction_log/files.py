"""Records in files of a folder: begun anew when one is full or old, the oldest taken away.

A file that is being written ends in `.part` where it cannot be read before its end, as Parquet
cannot. Each process writes files of its own.
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import orjson

from serving.gateway.prediction_log.records import Record

if TYPE_CHECKING:
    import pyarrow

Format = Literal["jsonl", "parquet"]
_PARTS = 20  # of the bytes that all files may have, of which one file is one
_FILE_SECONDS = 3_600
_NESTED = ("inputs", "outputs", "explanation")


class Files:
    """A folder of files; only their owner may read them."""

    def __init__(
        self,
        folder: Path,
        form: Format,
        max_bytes: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder = folder
        self._form = form
        self._max_bytes = max_bytes
        self._clock = clock
        self._waiting: list[Record] = []  # of Parquet, which is written as a whole
        self._path: Path | None = None
        self._began = 0.0
        self._num_bytes = 0
        self._number = 0

    def write(self, records: Sequence[Record]) -> None:
        """Write records; whoever is killed loses the last one at most, or a file of Parquet.

        Raises:
            OSError: the folder cannot be written to, or is full.
        """
        now = self._clock()
        is_full = self._num_bytes > self._max_bytes / _PARTS
        if self._path is not None and (is_full or now - self._began > _FILE_SECONDS):
            self.close()
        if self._path is None:
            self._make_room()
            self._path, self._began, self._num_bytes = self._new_path(now), now, 0
        if self._form == "parquet":
            self._waiting += records
            self._num_bytes += sum(len(orjson.dumps(record)) for record in records)
            return
        lines = b"".join(orjson.dumps(record, option=_OPTIONS) for record in records)
        self._num_bytes += _append(self._path, lines)

    def close(self) -> None:
        """Finish the file that is being written.

        Raises:
            OSError: it cannot be written.
        """
        path, self._path = self._path, None
        if path is not None and self._waiting:
            records, self._waiting = self._waiting, []
            _write_parquet(records, path)

    def _new_path(self, now: float) -> Path:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._number += 1
        when = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        return self._folder / f"predictions-{when}-{os.getpid()}-{self._number}.{self._form}"

    def _make_room(self) -> None:
        """Take the oldest files away, until there is room for one more."""
        files = sorted(self._folder.glob(f"predictions-*.{self._form}"))
        sizes = {path: path.stat().st_size for path in files}
        total = sum(sizes.values())
        for path in files:
            # Two: a file may come to have a block of records more than its part.
            if total <= self._max_bytes * (1 - 2 / _PARTS):
                return
            path.unlink(missing_ok=True)
            total -= sizes[path]


_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


def _append(path: Path, lines: bytes) -> int:
    """Append lines, all of them or none: half of one would spoil the next."""
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
        return written
    finally:
        os.close(descriptor)


def _write_parquet(records: Sequence[Record], path: Path) -> None:
    from pyarrow import parquet  # noqa: PLC0415  # an extra, which only this needs

    draft = path.with_name(f"{path.name}.part")
    try:
        draft.touch(mode=0o600)
        parquet.write_table(_table(records), draft)
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def _table(records: Sequence[Record]) -> "pyarrow.Table":
    """Make columns of records; what is nested, and differs from model to model, is JSON."""
    import pyarrow  # noqa: PLC0415  # an extra, which only this needs

    flat = [
        {**record, **{part: orjson.dumps(record[part]).decode() for part in _NESTED}}
        for record in records
    ]
    kinds = {"version": pyarrow.int64(), "row": pyarrow.int64(), "seconds": pyarrow.float64()}
    schema = pyarrow.schema([(name, kinds.get(name, pyarrow.string())) for name in records[0]])
    return pyarrow.Table.from_pylist(flat, schema=schema)
