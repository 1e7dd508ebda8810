"""Who leaves with whom, who goes again, and what is left when all have gone."""

import asyncio
import gc

import numpy as np
import pytest

from serving.errors import PredictionFailed
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.telemetry.request_context import RequestContext
from tests.serving.gateway.inference.scripted_call import (
    FOREVER,
    MODEL,
    Script,
    ask,
    batcher,
    run_alone,
    settle,
)


def test_a_lone_request_leaves_at_once_and_those_after_it_gather() -> None:
    async def test() -> None:
        call = Script()
        shared = batcher(call)
        asked = [ask(shared, ModelRef(MODEL), number) for number in range(4)]
        await settle()
        assert [sent.numbers for sent in call.sent] == [[0]]

        call.end(call.sent[0])
        await settle()
        assert [sent.numbers for sent in call.sent] == [[0], [1, 2, 3]]

        call.end(call.sent[1])
        answers = [await request for request in asked]
        assert [answer.outputs["number"].tolist() for answer in answers] == [[n] for n in range(4)]

    run_alone(test())


def test_after_a_row_has_failed_all_go_again_alone_in_their_order_and_before_others() -> None:
    async def test() -> None:
        call = Script()
        shared = batcher(call, max_rows=2)
        asked = [ask(shared, ModelRef(MODEL), number) for number in range(4)]
        await settle()
        call.end(call.sent[0])
        await settle()
        assert call.sent[1].numbers == [1, 2]

        call.end(call.sent[1], PredictionFailed("a row is bad"))
        await settle()
        for number in (1, 2, 3):
            assert call.sent[-1].numbers == [number]
            call.end(call.sent[-1], PredictionFailed("this one") if number == 2 else None)
            await settle()

        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [isinstance(answer, PredictionFailed) for answer in answers] == [
            *(False, False, True, False),
        ]

    run_alone(test())


def test_different_versions_never_share_a_call() -> None:
    async def test() -> None:
        call = Script()
        shared = batcher(call)
        refs = [ModelRef(MODEL), ModelRef(MODEL, 1), ModelRef(MODEL, label="canary")]
        asked = [ask(shared, ref, 0) for ref in refs]
        await settle()

        assert [sent.ref for sent in call.sent] == refs
        for sent in call.sent:
            call.end(sent)
        await asyncio.gather(*asked)

    run_alone(test())


def test_rows_of_different_shapes_never_share_a_call() -> None:
    async def test() -> None:
        call = Script()
        shared = batcher(call)
        context = RequestContext("test", "POST", f"/predict/{MODEL}", {})
        shapes = [(1, 2), (1, 3), (1, 2)]
        asked = [
            asyncio.ensure_future(
                shared.predict(
                    Question(ModelRef(MODEL)),
                    {"number": np.zeros(shape)},
                    context,
                    deadline=FOREVER,
                )
            )
            for shape in shapes
        ]
        await settle()
        assert [len(sent.numbers) for sent in call.sent] == [2, 3]

        for sent in call.sent:
            call.end(sent)
        await settle()
        call.end(call.sent[2])
        await asyncio.gather(*asked)

    run_alone(test())


def test_a_call_is_cancelled_when_the_last_of_its_requests_leaves() -> None:
    async def test() -> None:
        call = Script()
        shared = batcher(call)
        first, *others = [ask(shared, ModelRef(MODEL), number) for number in range(3)]
        await settle()
        call.end(call.sent[0])
        await first
        await settle()

        others[0].cancel()
        await settle()
        assert not call.sent[1].answer.cancelled()
        others[1].cancel()
        await settle()
        assert call.sent[1].answer.cancelled()
        await asyncio.wait(others)

    run_alone(test())


def test_a_request_that_leaves_as_a_call_returns_is_not_sent() -> None:
    """Its cancellation is under way when the call's return lets the next rows go."""

    async def test() -> None:
        call = Script()
        shared = batcher(call)
        first, leaving, staying = [ask(shared, ModelRef(MODEL), number) for number in range(3)]
        await settle()

        call.end(call.sent[0])
        leaving.cancel()
        await settle()

        assert call.sent[1].numbers == [2]
        call.end(call.sent[1])
        await asyncio.wait([first, leaving, staying])

    run_alone(test())


@pytest.mark.parametrize("seconds", [-1.0, FOREVER])
def test_a_version_that_nobody_asks_for_any_more_is_forgotten(seconds: float) -> None:
    """Callers may ask for as many versions as there are numbers, and in no time."""

    async def test() -> None:
        call = Script()
        shared = batcher(call)
        asked = ask(shared, ModelRef(MODEL, 7), 0, seconds=seconds)
        await settle()
        if call.sent:
            call.end(call.sent.pop())
        await asyncio.gather(asked, return_exceptions=True)

        del asked
        await settle()
        gc.collect()
        assert [
            thing
            for thing in gc.get_objects()
            if isinstance(thing, ModelRef) and thing.name == MODEL
        ] == []

    run_alone(test())


def test_calls_that_are_out_for_long_lose_their_place_but_not_without_bound() -> None:
    """A replica that hangs answers nothing; what others can answer must not wait for it."""

    async def test() -> None:
        call = Script()
        shared = batcher(call, max_rows=1, max_calls=2)
        asked = [ask(shared, ModelRef(MODEL), number) for number in range(3)]
        await settle()
        assert len(call.out) == 2, "both are young"

        shared.point.patience_seconds = -1.0  # whatever is out has been so for too long
        asked += [ask(shared, ModelRef(MODEL), number) for number in range(3, 100)]
        await settle()
        assert 4 <= len(call.out) < 50
        assert call.sent[2].numbers == [2], "the next in the line goes first"

        while call.out:
            call.end(call.out[0])
            await settle()
        answers = [await request for request in asked]
        assert [answer.outputs["number"].tolist() for answer in answers] == [
            [n] for n in range(100)
        ]

    run_alone(test())


def test_more_than_two_calls_divide_the_rows_fairly() -> None:
    """A call that took all would leave nothing to the replicas behind the others."""

    async def test() -> None:
        call = Script()
        shared = batcher(call, max_rows=100, max_calls=4)
        first = ask(shared, ModelRef(MODEL), 0)
        await settle()
        asked = [first, *(ask(shared, ModelRef(MODEL), number) for number in range(1, 12))]
        await settle()
        assert [len(sent.numbers) for sent in call.sent] == [1, 3, 3, 3]

        while call.out:
            call.end(call.out[0])
            await settle()
        await asyncio.gather(*asked)

    run_alone(test())
