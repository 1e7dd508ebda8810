"""What a release file held before each change, and what the changes were; the newest 100 are kept.

A change leaves two files: `0007-2026-11-29T120000Z-start-sentiment.toml`, the file as it was
before, which can be copied back, and beside it `.diff`, which begins with the change in words.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from rich.table import Column, Table

NUM_KEPT = 100
_NAME = re.compile(r"(?P<number>\d+)-(?P<time>[0-9T-]+Z)-(?P<command>[a-z]+)-(?P<model>.+)\.diff")
_TIME = "%Y-%m-%dT%H%M%SZ"


class Recordable(Protocol):
    """A change of a file."""

    @property
    def model(self) -> str: ...
    @property
    def before(self) -> str | None: ...
    @property
    def told(self) -> str: ...
    @property
    def diff(self) -> str: ...


@dataclass(frozen=True)
class Entry:
    """One change."""

    number: int
    time: datetime
    command: str
    model: str
    path: Path  # of its .diff

    @property
    def backup(self) -> Path:
        """The file as it was before."""
        return self.path.with_suffix(".toml")

    @property
    def told(self) -> str:
        """The change in words."""
        return self.path.read_text().partition("\n")[0]

    @property
    def diff(self) -> str:
        """The change line by line."""
        return self.path.read_text().partition("\n")[2]


@contextmanager
def recorded(folder: Path, change: Recordable, command: str) -> Iterator[None]:
    """Keep what a file held while it is changed, and what was changed once it is.

    Raises:
        OSError: it cannot be written.
    """
    kept = list(entries([folder]))
    number = kept[0].number + 1 if kept else 1
    time = datetime.now(UTC).strftime(_TIME)
    model = change.model.replace("/", "%2F")
    path = folder / f"{number:04}-{time}-{command}-{model}.diff"
    backup = path.with_suffix(".toml")
    try:
        backup.write_bytes((change.before or "").encode())
        yield
    except BaseException:
        backup.unlink(missing_ok=True)
        raise
    path.write_bytes(f"{change.told}\n{change.diff}".encode())
    for old in kept[NUM_KEPT - 1 :]:
        old.backup.unlink(missing_ok=True)
        old.path.unlink(missing_ok=True)


def entries(folders: Sequence[Path]) -> Iterator[Entry]:
    """Give the changes of all files, the newest first; none if nothing was changed."""
    found = [
        Entry(
            int(match["number"]),
            datetime.strptime(match["time"], _TIME).replace(tzinfo=UTC),
            match["command"],
            match["model"].replace("%2F", "/"),
            path,
        )
        for folder in folders
        for path in folder.glob("*.diff")
        if (match := _NAME.fullmatch(path.name))
    ]
    return iter(sorted(found, key=lambda entry: (entry.time, entry.number), reverse=True))


def table(entries: Sequence[Entry]) -> Table:
    """List changes."""
    number = Column("", justify="right", no_wrap=True)
    time = Column("when (UTC)", no_wrap=True)
    table = Table(number, time, "command", "model", "what changed")
    for entry in entries:
        when = f"{entry.time:%Y-%m-%d %H:%M:%S}"
        table.add_row(str(entry.number), when, entry.command, entry.model, entry.told)
    return table
