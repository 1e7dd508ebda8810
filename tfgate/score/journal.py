"""What was scored so far, a line a row, so that whoever was interrupted goes on where they were."""

import fcntl
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tfgate.score.fields import as_json

Scored = dict[str, Any]  # row, prediction, version, error


class AnotherInput(Exception):
    """The journal is of other rows, or of another model; the message says what to do."""


class Journal:
    """A file beside the output.

    Its first line says what is scored, by which version, once that is known; each other one is a
    row. Half a line at the end, of one who was killed, is cut off.
    """

    def __init__(self, output: Path, scoring: dict[str, Any]) -> None:
        self.path = output.with_name(f"{output.name}.journal")
        self._scoring = scoring
        self.version: int | None = None
        self.num_rows = 0

    def __enter__(self) -> Self:
        """Open it, and count what is there.

        Raises:
            AnotherInput: it is of something else, or somebody else writes it.
        """
        with ExitStack() as opened:
            self._file = opened.enter_context(self.path.open("a+b"))
            self._lock()
            self._file.seek(0)
            end = self._read()
            self._file.truncate(end)
            self._file.seek(end)
            opened.pop_all()
        return self

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._file.close()

    def _lock(self) -> None:
        """Keep others from writing it, until it is closed."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = f"{self.path} is being written: the same scoring is running."
            raise AnotherInput(message) from error

    def _read(self) -> int:
        """Return where the last whole line ends."""
        end = 0
        for number, line in enumerate(self._file):
            if not line.endswith(b"\n"):
                break
            if number == 0:
                self._check(json.loads(line))
            elif self.version is None:  # all rows before were refused
                self.version = json.loads(line)["version"]
            end += len(line)
            self.num_rows = number
        return end

    def _check(self, found: dict[str, Any]) -> None:
        self.version = found.pop("version")
        if found != self._scoring:
            others = [key for key in found if found[key] != self._scoring.get(key)]
            message = (
                f"{self.path} is of another scoring: its {', '.join(others)} differs. Delete it to "
                "begin anew, or name another output."
            )
            raise AnotherInput(message)

    def write(self, rows: Sequence[Scored], version: int | None) -> None:
        """Add rows; they are on their way to the disk when this returns."""
        self.version = version
        if self._file.tell() == 0:
            self._line({**self._scoring, "version": version})
        for row in rows:
            self._line(row)
        self._file.flush()
        self.num_rows += len(rows)

    def _line(self, document: dict[str, Any]) -> None:
        self._file.write(json.dumps(document, default=as_json).encode() + b"\n")

    def rows(self) -> Iterator[Scored]:
        """Go through all rows, from the beginning."""
        with self.path.open("rb") as file:
            next(file, None)
            for line in file:
                yield json.loads(line)

    def delete(self) -> None:
        """Take it away: all of it is in the output."""
        self.path.unlink()
