"""What one gateway's guard has found reaches the others, and nobody waits for the store."""

import asyncio
from pathlib import Path

import pytest

from serving.errors import StoreUnavailable
from serving.gateway.feedback.feedback import open_feedback
from serving.gateway.feedback.verdicts import Verdicts
from serving.gateway.settings import Settings
from tests.serving.gateway.feedback.stores import opened

DRIFT = {"pets/4/2026": "drift"}


def test_a_verdict_of_one_gateway_reaches_the_other(store: str) -> None:
    async def run() -> None:
        async with opened(store) as first, opened(store) as second:
            one, other = Verdicts(first), Verdicts(second)
            await one.take_back("pets/4/2026", "drift")
            # At once here, and there after both have met the store.
            assert await one.taken_back() == DRIFT
            await other.exchange()
            assert await other.taken_back() == {}
            await one.exchange()
            await other.exchange()
            assert await one.taken_back() == await other.taken_back() == DRIFT

    asyncio.run(run())


def test_the_reason_of_whoever_was_first_stays(store: str) -> None:
    async def run() -> None:
        async with opened(store) as first, opened(store) as second:
            one, other = Verdicts(first), Verdicts(second)
            await one.take_back("pets/4/2026", "drift")
            await other.take_back("pets/4/2026", "errors")
            await one.exchange()
            await other.exchange()
            assert await other.taken_back() == DRIFT

    asyncio.run(run())


def test_a_verdict_waits_for_a_store_that_is_away(tmp_path: Path) -> None:
    folder = tmp_path / "not there yet"

    async def run() -> None:
        async with opened(f"sqlite://{folder}/feedback.sqlite") as store:
            verdicts = Verdicts(store)
            await verdicts.take_back("pets/4/2026", "drift")
            with pytest.raises(StoreUnavailable):
                await verdicts.exchange()
            assert await verdicts.taken_back() == DRIFT
            folder.mkdir()
            await verdicts.exchange()
            assert await store.taken_back() == DRIFT

    asyncio.run(run())


def test_what_a_guard_finds_last_is_told_before_its_gateway_stops(store: str) -> None:
    async def run() -> None:
        settings = Settings.model_construct(store=store, feedback_seconds=3600)
        feedback = open_feedback(settings)
        assert feedback is not None
        await feedback.verdicts.take_back("pets/4/2026", "drift")
        await feedback.close()
        async with opened(store) as after:
            assert await after.taken_back() == DRIFT

    asyncio.run(run())


def test_a_gateway_that_starts_anew_remembers(store: str) -> None:
    async def run() -> None:
        async with opened(store) as before:
            verdicts = Verdicts(before)
            await verdicts.take_back("pets/4/2026", "drift")
            await verdicts.exchange()
        async with opened(store) as after:
            verdicts = Verdicts(after)
            await verdicts.exchange()
            assert await verdicts.taken_back() == DRIFT

    asyncio.run(run())
