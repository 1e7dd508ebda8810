"""What every store does, whichever it is."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from serving.gateway.feedback import redis_store, sqlite_store
from serving.gateway.feedback.answers import Asked
from serving.gateway.feedback.store import Join, Side, Store
from serving.gateway.inference.answer_rows import Numbers
from tests.serving.gateway.feedback.stores import ASKED, answer, opened

# Numbers of which Redis' own language would lose digits.
AMOUNTS = {0: {"labels": 1.0, "confidence_8": 0.1 + 0.2}, 1: {"labels": 1.0, "error": -1e-17}}
STABLE = Side(3, "stable")


def in_store(store: str, use: Callable[[Store], Awaitable[None]]) -> None:
    async def run() -> None:
        async with opened(store) as opened_store:
            await use(opened_store)

    asyncio.run(run())


def test_an_answer_is_found_by_its_request_and_by_nobody_elses(store: str) -> None:
    mine = answer(api_key="alice", rows=Numbers([0.1 + 0.2], [1e-17], None), num_rows=1)

    async def use(store: Store) -> None:
        await store.keep([mine, answer(request_id="b")])
        asked = [
            Asked("pets", "alice", request_id="a"),
            Asked("pets", "bob", request_id="a"),
            Asked("pets", None, request_id="a"),
            Asked("cars", "alice", request_id="a"),
            Asked("pets", "alice", request_id="b"),
        ]
        assert await store.find(asked) == [mine, None, None, None, None]
        assert await store.find([]) == []

    in_store(store, use)


def test_by_its_key_the_newest_answer_is_found(store: str) -> None:
    first, second = (answer(request_id=name, release_key="house-17") for name in "ab")
    others = answer(request_id="c", release_key="house-17", api_key="bob")

    async def use(store: Store) -> None:
        await store.keep([first, second, others, answer(request_id="d")])
        asked = [
            Asked("pets", None, release_key="house-17"),
            Asked("pets", "bob", release_key="house-17"),
            Asked("pets", "carol", release_key="house-17"),
            Asked("pets", None, release_key="house-18"),
            Asked("pets", None, release_key=""),
        ]
        assert await store.find(asked) == [second, others, None, None, None]

    in_store(store, use)


@pytest.mark.parametrize("odd", ['"', "a:b", "a b", "%2F", "é", "']", "\x00"])
def test_no_name_is_taken_for_another(store: str, odd: str) -> None:
    named = answer(model=odd, api_key=odd, release_key=odd)

    async def use(store: Store) -> None:
        await store.keep([named])
        by_key = Asked(odd, odd, release_key=odd)
        assert await store.find([by_key, ASKED]) == [named, None]
        assert await store.join([Join(named, AMOUNTS)]) == [[0, 1]]
        assert await store.sums(odd) != {}
        assert await store.sums("pets") == {}

    in_store(store, use)


def test_each_truth_counts_once(store: str) -> None:
    kept = answer()

    async def use(store: Store) -> None:
        await store.keep([kept])
        one, both = Join(kept, {0: AMOUNTS[0]}), Join(kept, AMOUNTS)
        assert await store.join([one, both, both]) == [[0], [1], []]
        assert await store.join([both]) == [[]]
        assert await store.sums("pets") == {
            STABLE: {"labels": 2.0, "confidence_8": 0.1 + 0.2, "error": -1e-17}
        }
        assert await store.join([]) == []

    in_store(store, use)


def test_sums_are_by_version_and_route(store: str) -> None:
    sides = [Side(3, "stable"), Side(4, "candidate"), Side(4, "pinned")]
    kept = [
        answer(request_id=str(number), version=version, route=route)
        for number, (version, route) in enumerate(sides)
    ]

    async def use(store: Store) -> None:
        await store.keep(kept)
        await store.join([Join(each, {0: {"labels": 1.0}}) for each in kept])
        assert await store.sums("pets") == {side: {"labels": 1.0} for side in sides}

    in_store(store, use)


def test_another_answer_to_the_same_request_takes_the_place_of_the_first(store: str) -> None:
    second = answer(version=4)
    first = answer(at=second.at - 1)

    async def use(store: Store) -> None:
        await store.keep([first])
        assert await store.join([Join(first, {0: AMOUNTS[0]})]) == [[0]]
        await store.keep([second])
        assert await store.find([ASKED]) == [second]
        # Whose truth it was is not known any more.
        assert await store.join([Join(first, AMOUNTS)]) == [None]
        assert await store.join([Join(second, AMOUNTS)]) == [[0, 1]]
        assert set(await store.sums("pets")) == {STABLE, Side(4, "stable")}

    in_store(store, use)


def test_what_two_gateways_say_at_once_counts_once(store: str) -> None:
    kept = [answer(request_id=str(number)) for number in range(20)]
    joins = [Join(each, AMOUNTS) for each in kept]

    async def use() -> None:
        async with opened(store) as one, opened(store) as other:
            await one.keep(kept)
            counted = await asyncio.gather(*[each.join(joins) for each in [one, other] * 3])
            rows = [row for joined in counted for new in joined for row in new or []]
            assert len(rows) == 40
            sums = await other.sums("pets")
            assert sums == await one.sums("pets")
            assert sums[STABLE]["labels"] == 40
            assert sums[STABLE]["confidence_8"] == pytest.approx(20 * 0.3)

    asyncio.run(use())


def test_a_verdict_reaches_all_and_its_first_reason_stays(store: str) -> None:
    async def use() -> None:
        async with opened(store) as one, opened(store) as other:
            assert await one.taken_back() == {}
            await one.take_back("pets/4/2026", "errors: 3 % are more than 1 %")
            await other.take_back("pets/4/2026", "drift")
            await other.take_back("cars/2/2026", "drift")
            told = {"pets/4/2026": "errors: 3 % are more than 1 %", "cars/2/2026": "drift"}
            assert await one.taken_back() == await other.taken_back() == told

    asyncio.run(use())


def test_an_answer_that_is_too_old_is_there_no_more(store: str) -> None:
    async def use() -> None:
        async with opened(store, kept_seconds=1) as brief:
            await brief.keep([kept := answer()])
            while await brief.find([ASKED]) == [kept]:  # nothing tells of its end
                await asyncio.sleep(0.05)
            await brief.keep([])
            assert await brief.join([Join(kept, AMOUNTS)]) == [None]

    asyncio.run(asyncio.wait_for(use(), 60))


def test_sums_to_which_nothing_came_for_long_are_there_no_more(store: str) -> None:
    old, new = answer(), answer(request_id="b", version=4)

    async def use() -> None:
        async with opened(store) as lasting, opened(store, kept_seconds=0) as forgetful:
            await lasting.keep([old, new])
            await lasting.join([Join(old, AMOUNTS)])
            assert await forgetful.sums("pets") == {}
            await lasting.join([Join(new, AMOUNTS)])
            assert list(await lasting.sums("pets")) == [Side(4, "stable")]

    asyncio.run(use())


def test_a_verdict_is_forgotten_in_the_end(store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def use() -> None:
        async with opened(store) as opened_store:
            await opened_store.take_back("pets/4/2026", "drift")
            for module in (sqlite_store, redis_store):
                monkeypatch.setattr(module, "VERDICT_SECONDS", 0)
            assert await opened_store.taken_back() == {}
            monkeypatch.undo()
            assert await opened_store.taken_back() == {}

    asyncio.run(use())
