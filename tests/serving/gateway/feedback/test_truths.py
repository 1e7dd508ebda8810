"""Guards are told of the truths that came to any gateway since the last look, by their sides."""

import asyncio
from collections.abc import Sequence
from itertools import chain, repeat
from pathlib import Path
from typing import cast

import pytest

from serving.gateway.feedback.store import Join, Store
from serving.gateway.feedback.store import Side as StoreSide
from serving.gateway.feedback.sums import Amounts, label_amounts, number_amounts
from serving.gateway.feedback.truths import Truths
from serving.gateway.inference.answer_rows import Labels, Numbers
from serving.gateway.releases.guard import Side, Sides
from serving.gateway.releases.release import Candidate, Release
from serving.gateway.releases.running import Running
from tests.serving.gateway.feedback.stores import answer, opened

CATS = Labels(["cat"], [0.75], ["cat", "dog"])
TENS = Numbers([10.0])


def running_release() -> Running:
    running = Running("pets", Release(stable=3, candidate=Candidate(version=4, percent=50)), {})
    running.hindrance = None
    running.choose([3, 4])
    assert running.candidate == 4
    return running


async def tell(store: Store, route: str, truths: Sequence[str | float]) -> None:
    """Have feedback joined, of one row each."""
    version = {"stable": 3, "candidate": 4, "pinned": 4}[route]
    for number, truth in enumerate(truths):
        rows = CATS if isinstance(truth, str) else TENS
        kept = answer(request_id=f"{route}-{number}", version=version, route=route, rows=rows)
        await store.keep([kept])
        of = (
            label_amounts(CATS, 0, truth)
            if isinstance(truth, str)
            else number_amounts(TENS, 0, truth)
        )
        await store.join([Join(kept, {0: of})])


def known(side: Side) -> tuple[object, ...]:
    return side.truths, side.accuracy, side.rmse


def judged(running: Running) -> Sides:
    return running.judge.figures()


def test_what_came_since_the_last_look_is_told_once(store: str) -> None:
    async def run() -> None:
        running = running_release()
        async with opened(store) as ours, opened(store) as others:
            # What was there before this gateway, another one's guard has seen.
            await tell(others, "stable", ["dog"] * 3)
            truths = Truths(ours, {"pets": running})
            await truths.tell()
            assert known(judged(running).stable) == (0, None, None)

            await tell(others, "stable", ["cat", "cat", "dog"])
            await tell(ours, "candidate", ["dog", "cat"])
            await tell(ours, "pinned", ["dog"] * 5)
            await truths.tell()
            await truths.tell()

            sides = judged(running)
            assert known(sides.stable) == (3, pytest.approx(2 / 3), None)
            assert known(sides.candidate) == (2, 0.5, None)

    asyncio.run(run())


def test_numbers_are_told_by_their_squared_errors(store: str) -> None:
    async def run() -> None:
        running = running_release()
        async with opened(store) as opened_store:
            truths = Truths(opened_store, {"pets": running})
            await truths.tell()
            await tell(opened_store, "stable", [7.0, 14.0])
            await truths.tell()
            await tell(opened_store, "candidate", [11.0])
            await truths.tell()

            sides = judged(running)
            assert known(sides.stable) == (2, None, pytest.approx(12.5**0.5))
            assert known(sides.candidate) == (1, None, 1.0)

    asyncio.run(run())


def test_of_a_store_that_was_emptied_and_filled_again_no_nonsense_is_told(tmp_path: Path) -> None:
    async def run() -> None:
        running = running_release()
        emptied, new = (f"sqlite:///{tmp_path}/{name}" for name in ("emptied", "new"))
        async with opened(emptied) as before, opened(new) as after:
            truths = Truths(before, {"pets": running})
            await truths.tell()
            await tell(before, "stable", ["dog", "dog"])
            await tell(before, "candidate", ["cat", "cat", 30.0, 30.0])
            await truths.tell()
            seen = known(judged(running).stable), known(judged(running).candidate)

            # More than before: of stable all right, of the candidate all wrong, or hardly so.
            truths = Truths(cast("Store", _Emptied(before, after)), {"pets": running})
            await truths.tell()
            await tell(after, "stable", ["cat"] * 3)
            await tell(after, "candidate", ["dog"] * 3)
            await tell(after, "candidate", [10.0] * 3)
            await truths.tell()
            assert (known(judged(running).stable), known(judged(running).candidate)) == seen

            await tell(after, "stable", ["cat"] * 4)
            await truths.tell()
            assert known(judged(running).stable) == (6, pytest.approx(2 / 3), None)

    asyncio.run(run())


class _Emptied:
    """A store that is another one from the second look on."""

    def __init__(self, before: Store, after: Store) -> None:
        self._stores = chain([before], repeat(after))

    async def sums(self, model: str) -> dict[StoreSide, Amounts]:
        return await next(self._stores).sums(model)


def test_a_model_without_a_candidate_is_not_asked_about() -> None:
    async def run() -> None:
        running = Running("pets", Release(stable=3), {})
        running.hindrance = None
        running.choose([3])
        async with opened("sqlite:///nowhere/feedback.sqlite") as away:
            await Truths(away, {"pets": running}).tell()

    asyncio.run(run())
