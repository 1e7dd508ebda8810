"""The way of answers into the store: nobody waits for it, and it is bounded."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from serving.errors import StoreUnavailable
from serving.gateway.feedback import recorder as recording
from serving.gateway.feedback.answers import Asked, KeptAnswer
from serving.gateway.feedback.recorder import Recorder
from serving.gateway.feedback.store import Join, Side
from serving.gateway.feedback.sums import Amounts
from serving.gateway.inference.answer_rows import Numbers
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext
from tests.in_process import growth

FEW = 5


class FakeStore:
    """A store in memory, which may be away."""

    def __init__(self) -> None:
        self.kept: list[KeptAnswer] = []
        self.blocks: list[int] = []
        self.is_away = False

    async def keep(self, answers: Sequence[KeptAnswer]) -> None:
        await asyncio.sleep(0)
        if self.is_away:
            raise StoreUnavailable("it is away")
        self.kept += answers
        self.blocks.append(len(answers))

    async def find(self, asked: Sequence[Asked]) -> list[KeptAnswer | None]:
        raise NotImplementedError

    async def join(self, joins: Sequence[Join]) -> list[list[int] | None]:
        raise NotImplementedError

    async def sums(self, model: str) -> dict[Side, Amounts]:
        raise NotImplementedError

    async def take_back(self, identity: str, reason: str) -> None:
        raise NotImplementedError

    async def taken_back(self) -> dict[str, str]:
        raise NotImplementedError

    async def close(self) -> None:
        raise NotImplementedError

    @property
    def ids(self) -> list[str]:
        return [each.request_id for each in self.kept]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    metrics.initialise()
    monkeypatch.setattr(recording, "_MAX_WAITING", FEW)
    monkeypatch.setattr(recording, "_MAX_BLOCK", 2)


def answered(
    number: int, *, model: str = "doubles", price: float = 3, release_key: str | None = None
) -> Answered:
    lines = {} if release_key is None else {b"x-release-key": release_key.encode()}
    context = RequestContext(str(number), "POST", "/", lines, model, key="alice", route="stable")
    outputs = {"y": np.array([price], np.float32)}
    return Answered(Question(ModelRef(model, 3)), {}, outputs, 3, 0.01, context)


def test_what_is_kept_says_who_was_answered_what_and_by_which_version() -> None:
    async def run() -> None:
        store = FakeStore()
        record = Recorder(store)
        record.hear(answered(1, release_key="house-17"))
        record.hear(answered(2, release_key="x" * 257))
        await record.flush()

        first, second = store.kept
        expected = {
            "model": "doubles",
            "version": 3,
            "route": "stable",
            "request_id": "1",
            "api_key": "alice",
            "release_key": "house-17",
            "num_rows": 1,
            "rows": Numbers([3.0]),
        }
        assert {name: getattr(first, name) for name in expected} == expected
        assert second.release_key is None

    asyncio.run(run())


def test_answers_are_written_in_blocks_and_in_their_order() -> None:
    async def run() -> None:
        store = FakeStore()
        record = Recorder(store)
        for number in range(FEW):
            # Of two kinds, which are read apart; and one that nothing is kept of.
            record.hear(
                answered(number, model="ab"[number % 2], price=np.nan if number == 3 else 1)
            )
        await record.flush()
        await record.flush()

        assert store.ids == ["0", "1", "2", "4"]
        assert store.blocks == [2, 2]

    asyncio.run(run())


def test_what_comes_while_others_are_written_is_written_next() -> None:
    async def run() -> None:
        store = FakeStore()
        record = Recorder(store)
        record.hear(answered(0))
        writing = asyncio.create_task(record.flush())
        await asyncio.sleep(0)
        record.hear(answered(1))
        await writing
        await record.flush()

        assert store.ids == ["0", "1"]

    asyncio.run(run())


def test_of_too_many_at_once_the_newest_are_dropped_and_counted() -> None:
    async def run() -> None:
        store = FakeStore()
        record = Recorder(store)
        dropped = growth("tfgate_feedback_dropped_total", reason="crowd")
        unwritten = growth("tfgate_feedback_dropped_total", reason="store")
        for number in range(FEW + 3):
            record.hear(answered(number))
        await record.flush()
        assert dropped() == 3

        assert unwritten() == 0
        assert store.ids == ["0", "1", "2", "3", "4"]

    asyncio.run(run())


def test_what_the_store_cannot_take_waits_for_it_up_to_a_bound() -> None:
    async def run() -> None:
        store = FakeStore()
        record = Recorder(store)
        dropped = growth("tfgate_feedback_dropped_total", reason="store")
        store.is_away = True
        for number in range(FEW + 2):
            record.hear(answered(number))
            with pytest.raises(StoreUnavailable):
                await record.flush()
        assert dropped() == 2
        store.is_away = False
        await record.flush()

        assert store.ids == ["0", "1", "2", "3", "4"]

    asyncio.run(run())


def test_an_answer_is_not_lost_when_its_writing_is_cancelled() -> None:
    async def run() -> None:
        store = FakeStore()
        record = Recorder(store)
        for steps in range(4):
            record.hear(answered(steps))
            writing = asyncio.create_task(record.flush())
            for _ in range(steps):
                await asyncio.sleep(0)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
        await record.flush()

        assert set(store.ids) == {"0", "1", "2", "3"}

    asyncio.run(run())
