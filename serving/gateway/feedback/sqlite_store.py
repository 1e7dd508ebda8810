"""The store in a file of SQLite's, which the workers of one gateway share."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import orjson

from serving.gateway.feedback.answers import Asked, KeptAnswer
from serving.gateway.feedback.blocks import PLACES, Blocks, split, write_block
from serving.gateway.feedback.store import VERDICT_SECONDS, Availability, Join, Side
from serving.gateway.feedback.sums import Amounts, add
from serving.gateway.feedback.temporary_folder import FILE, temporary_folder

# How long one worker waits for another that writes; it is through within milliseconds.
_BUSY_SECONDS = 2
_MAX_BYTES = 256_000_000  # of the file: well over a million answers
_OLDEST = 10  # the part of the answers that goes when the file is full: every tenth
_MAX_EXPIRED = 100  # blocks that go at once: others wait meanwhile
_MAX_FREED = 100  # pages that the file becomes shorter by at once

# Answers are written and found in blocks (see `blocks.py`). `given` holds the rows whose truths
# came, by the place of the answer.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS blocks (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, askers BLOB NOT NULL,
    answers BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS given (place INTEGER PRIMARY KEY, rows BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS sums (
    model TEXT, version INTEGER, route TEXT, at REAL NOT NULL, amounts BLOB NOT NULL,
    PRIMARY KEY (model, version, route)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verdicts (identity TEXT PRIMARY KEY, at REAL, reason TEXT NOT NULL);
"""
# In the order of their numbers, blocks are as old as they come: no index is needed to find these.
_OLDEST_BLOCK = "SELECT id, at FROM blocks ORDER BY id LIMIT 1"
_EXPIRE = (
    "DELETE FROM blocks WHERE id <= (SELECT max(id) FROM "
    "(SELECT id, at FROM blocks ORDER BY id LIMIT ?) WHERE at < ?)"
)
_DROP_OLDEST = (
    "DELETE FROM blocks WHERE id <= (SELECT min(id) + (max(id) - min(id)) / ? FROM blocks)"
)
_FORGET_GIVEN = "DELETE FROM given WHERE place < (SELECT coalesce(min(id), 0) * ? FROM blocks)"

T = TypeVar("T")


class SqliteStore:
    """A store in one file; all work is done in one thread, for the disk may be slow."""

    def __init__(
        self, path: Path | None, *, kept_seconds: float, max_bytes: int = _MAX_BYTES
    ) -> None:
        """Without a `path`, the file is a new one in a folder of its own, removed at the end."""
        self._path = path
        self._kept_seconds = kept_seconds
        self._max_bytes = max_bytes
        where = "SQLite in a temporary folder" if path is None else f"SQLite in {path}"
        self._availability = Availability("SQLite", where, (sqlite3.Error, OSError))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feedback")
        self._temporary = ExitStack()
        self._folder: Path | None = None
        self._connection: sqlite3.Connection | None = None
        self._blocks = Blocks()

    async def keep(self, answers: Sequence[KeptAnswer]) -> None:
        """Keep answers, and let the oldest go."""
        blocks = [(block[-1].at, *write_block(block)) for block in split(answers)]

        def keep(connection: sqlite3.Connection) -> None:
            connection.executemany("INSERT INTO blocks VALUES (NULL, ?, ?, ?)", blocks)
            expired = time.time() - self._kept_seconds
            oldest = connection.execute(_OLDEST_BLOCK).fetchone()
            if oldest is not None and oldest[1] < expired:
                connection.execute(_EXPIRE, (_MAX_EXPIRED, expired))
                connection.execute(_FORGET_GIVEN, (PLACES,))
            if _used_bytes(connection) > self._max_bytes:
                connection.execute(_DROP_OLDEST, (_OLDEST,))
                connection.execute(_FORGET_GIVEN, (PLACES,))

        await self._do(keep)

    async def find(self, asked: Sequence[Asked]) -> list[KeptAnswer | None]:
        """Find answers."""
        oldest = time.time() - self._kept_seconds

        def find(connection: sqlite3.Connection) -> list[KeptAnswer | None]:
            found = self._blocks.find(connection, asked)
            return [each[1] if each and each[1].at >= oldest else None for each in found]

        return await self._do(find)

    async def join(self, joins: Sequence[Join]) -> list[list[int] | None]:
        """Add up what was not added before."""

        def join(connection: sqlite3.Connection) -> list[list[int] | None]:
            answers = [each.answer for each in joins]
            asked = [Asked(each.model, each.api_key, each.request_id) for each in answers]
            found = self._blocks.find(connection, asked)
            return [
                _join(connection, each, there[0]) if there and there[1] == each.answer else None
                for each, there in zip(joins, found, strict=True)
            ]

        return await self._do(join)

    async def sums(self, model: str) -> dict[Side, Amounts]:
        """Return a model's sums."""
        oldest = time.time() - self._kept_seconds

        def sums(connection: sqlite3.Connection) -> dict[Side, Amounts]:
            connection.execute("DELETE FROM sums WHERE at < ?", (oldest,))
            asked = "SELECT version, route, amounts FROM sums WHERE model = ?"
            found = connection.execute(asked, (model,))
            return {Side(each[0], each[1]): orjson.loads(each[2]) for each in found}

        return await self._do(sums)

    async def take_back(self, identity: str, reason: str) -> None:
        """Remember a verdict."""
        verdict = (identity, time.time(), reason)
        taken = "INSERT OR IGNORE INTO verdicts VALUES (?, ?, ?)"
        await self._do(lambda connection: connection.execute(taken, verdict))

    async def taken_back(self) -> dict[str, str]:
        """Return the verdicts."""
        oldest = time.time() - VERDICT_SECONDS

        def taken_back(connection: sqlite3.Connection) -> dict[str, str]:
            connection.execute("DELETE FROM verdicts WHERE at < ?", (oldest,))
            return dict(connection.execute("SELECT identity, reason FROM verdicts").fetchall())

        return await self._do(taken_back)

    async def close(self) -> None:
        """Close the file, and remove it if it is nobody else's."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()
        self._temporary.close()

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do work in the thread, as one transaction."""

        def do() -> T:
            with self._transaction() as connection:
                return work(connection)

        with self._availability.watch():
            return await asyncio.get_running_loop().run_in_executor(self._thread, do)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Open the file if it is not; after a failure, it is opened anew."""
        try:
            if self._connection is None:
                self._connection = self._open()
            # At once: what begins by reading cannot wait for another that writes.
            self._connection.execute("BEGIN IMMEDIATE")
            with self._connection:
                yield self._connection
            # As a script, for each step gives back one page, and execute takes one step.
            self._connection.executescript(f"PRAGMA incremental_vacuum({_MAX_FREED})")
        except (sqlite3.Error, OSError):
            self._close()
            raise

    def _open(self) -> sqlite3.Connection:
        path = self._path
        if path is None:
            # Not a file in memory: what is kept for days would be kept there.
            if self._folder is None or not self._folder.is_dir():
                self._folder = self._temporary.enter_context(temporary_folder())
            path = self._folder / FILE
        self._blocks = Blocks()  # the file may be another
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
        # The first may only be chosen while the file is empty.
        for pragma in ("auto_vacuum=INCREMENTAL", "journal_mode=WAL", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")
        connection.executescript(_SCHEMA)
        return connection

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()


def _join(connection: sqlite3.Connection, join: Join, place: int) -> list[int]:
    found = connection.execute("SELECT rows FROM given WHERE place = ?", (place,)).fetchone()
    before = [] if found is None else orjson.loads(found[0])
    new = [index for index in join.amounts if index not in before]
    if new:
        given = (place, orjson.dumps([*before, *new]))
        connection.execute("INSERT OR REPLACE INTO given VALUES (?, ?)", given)
        _add(connection, join.answer, [join.amounts[index] for index in new])
    return new


def _add(connection: sqlite3.Connection, answer: KeptAnswer, all_amounts: list[Amounts]) -> None:
    side = (answer.model, answer.version, answer.route)
    asked = "SELECT amounts FROM sums WHERE model = ? AND version = ? AND route = ?"
    found = connection.execute(asked, side).fetchone()
    sums: dict[str, float] = {} if found is None else orjson.loads(found[0])
    for amounts in all_amounts:
        add(sums, amounts)
    row = (*side, time.time(), orjson.dumps(sums))
    connection.execute("INSERT OR REPLACE INTO sums VALUES (?, ?, ?, ?, ?)", row)


def _used_bytes(connection: sqlite3.Connection) -> int:
    names = ("page_count", "freelist_count", "page_size")
    pages, free, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names)
    return int((pages - free) * size)
