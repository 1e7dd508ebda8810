"""A store in a file: how large it becomes, and what comes of a file that cannot be used."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from serving.errors import StoreUnavailable
from serving.gateway.feedback import places, sqlite_store
from serving.gateway.feedback.answers import Asked
from serving.gateway.feedback.sqlite_store import SqliteStore
from serving.gateway.feedback.store import Join, Side
from serving.gateway.inference.answer_rows import Numbers
from tests.in_process import reading
from tests.serving.gateway.feedback.stores import ASKED, answer

MAX_BYTES = 1_000_000


def in_file(
    path: Path | None, use: Callable[[SqliteStore], Awaitable[None]], *, kept_seconds: float = 60
) -> None:
    async def run() -> None:
        store = SqliteStore(path, kept_seconds=kept_seconds, max_bytes=MAX_BYTES)
        try:
            await use(store)
        finally:
            await store.close()

    asyncio.run(run())


def test_when_the_file_is_full_the_oldest_answers_go(tmp_path: Path) -> None:
    file = tmp_path / "feedback.sqlite"
    rows = Numbers([0.123456789] * 100)

    async def use(store: SqliteStore) -> None:
        for block in range(40):
            names = [f"{block}-{number}" for number in range(50)]
            await store.keep([answer(request_id=name, rows=rows) for name in names])
            # With its journal, which is written into it from time to time.
            assert file.stat().st_size < 2 * MAX_BYTES
        first, last = ASKED._replace(request_id="0-0"), ASKED._replace(request_id="39-49")
        gone, there = await store.find([first, last])
        assert gone is None
        assert there is not None

    in_file(file, use)
    assert file.stat().st_size < 2 * MAX_BYTES


def test_a_file_that_was_full_becomes_smaller_again(tmp_path: Path) -> None:
    file = tmp_path / "feedback.sqlite"
    rows = Numbers([0.123456789] * 100)
    kept = [answer(request_id=str(number), rows=rows) for number in range(400)]

    async def fill(store: SqliteStore) -> None:
        await store.keep(kept)

    async def forget(store: SqliteStore) -> None:
        for _ in range(20):
            await store.keep([])

    in_file(file, fill)
    full = file.stat().st_size
    in_file(file, forget, kept_seconds=0)

    assert file.stat().st_size < full / 4


def test_what_was_kept_is_there_after_a_new_start(tmp_path: Path) -> None:
    file, kept = tmp_path / "feedback.sqlite", answer()

    async def write(store: SqliteStore) -> None:
        await store.keep([kept])
        await store.join([Join(kept, {0: {"labels": 1.0}})])

    async def read(store: SqliteStore) -> None:
        assert await store.find([ASKED]) == [kept]
        assert await store.join([Join(kept, {0: {"labels": 1.0}})]) == [[]]
        assert await store.sums("pets") == {Side(3, "stable"): {"labels": 1.0}}

    in_file(file, write)
    in_file(file, read)


def test_a_file_of_its_own_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def use(store: SqliteStore) -> None:
        await store.keep([answer()])
        [folder] = tmp_path.iterdir()
        assert folder.stat().st_mode & 0o077 == 0, "others may look into it"

    in_file(None, use)

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_cannot_be_opened_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "not there yet"

    async def use(store: SqliteStore) -> None:
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="SQLite"):
                await store.keep([answer()])
            assert reading("tfgate_store_up") == 0
        folder.mkdir()
        await store.keep([answer()])
        assert reading("tfgate_store_up") == 1

    caplog.set_level("INFO")
    in_file(folder / "feedback.sqlite", use)

    first, second = [record.getMessage() for record in caplog.records]
    assert str(folder) in first
    assert "unable to open" in first
    assert "works again" in second


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    file = tmp_path / "feedback.sqlite"
    file.write_text("Dear diary, " * 100)

    async def use(store: SqliteStore) -> None:
        with pytest.raises(StoreUnavailable) as raised:
            await store.sums("pets")
        assert isinstance(raised.value.__cause__, sqlite3.DatabaseError)

    in_file(file, use)
    assert file.read_text().startswith("Dear diary"), "what was there is somebody's"


def test_a_file_that_another_has_locked_for_long_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "_BUSY_SECONDS", 0.01)
    file = tmp_path / "feedback.sqlite"

    async def use(store: SqliteStore) -> None:
        await store.keep([answer()])
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable):
            await store.keep([answer(request_id="b")])
        other.close()
        await store.keep([answer(request_id="b")])

    in_file(file, use)


def test_an_answer_is_known_by_its_key_not_by_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "hash", lambda _: 7, raising=False)
    names = [str(number) for number in range(5)]
    kept = [answer(request_id=name, release_key=f"of {name}", num_rows=400) for name in names]

    async def use(store: SqliteStore) -> None:
        await store.keep(kept)
        by_id = [ASKED._replace(request_id=name) for name in names]
        by_key = [Asked("pets", None, release_key=f"of {name}") for name in names]
        assert await store.find([*by_key, *by_id]) == [*kept, *kept]
        assert await store.find([ASKED]) == [None]
        assert await store.join([Join(each, {0: {"labels": 1.0}}) for each in kept]) == [[0]] * 5

    in_file(tmp_path / "feedback.sqlite", use)


def test_what_another_worker_has_written_since_is_found(tmp_path: Path) -> None:
    file = tmp_path / "feedback.sqlite"

    async def use(one: SqliteStore) -> None:
        async def meanwhile(other: SqliteStore) -> None:
            for name in "abc":
                await other.keep([kept := answer(request_id=name, release_key="house-17")])
                by_key = Asked("pets", None, release_key="house-17")
                assert await one.find([ASKED._replace(request_id=name), by_key]) == [kept, kept]

        other = SqliteStore(file, kept_seconds=60)
        await meanwhile(other)
        await other.close()

    in_file(file, use)


def test_a_large_block_is_written_as_several(tmp_path: Path) -> None:
    file = tmp_path / "feedback.sqlite"
    kept = [answer(request_id=str(number)) for number in range(3_000)]

    async def use(store: SqliteStore) -> None:
        await store.keep(kept)
        asked = [ASKED._replace(request_id=each.request_id) for each in kept]
        assert await store.find(asked) == kept

    in_file(file, use)
