"""Concurrent requests through the real client, over the fake channel: each gets its own prices."""

import asyncio
import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import DeadlineExceeded
from serving.gateway.inference.client import ModelServerClient
from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.inference import Inference
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.inference.router import Router
from serving.gateway.telemetry.request_context import RequestContext
from serving.models import MODELS
from tests.fake_models import declared_models
from tests.in_process import reading
from tests.serving.gateway.inference.scripted_call import FixedPoint

HOUSING = MODELS["housing"]
HOUSES = [
    HOUSING.example.model_copy(update={"median_income": 1 + number / 4}) for number in range(16)
]
MAX_ROWS = 6  # of a call: so few that some requests have more
LONG = 60.0  # seconds


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def inference(runner: asyncio.Runner) -> Iterator[Inference]:
    server = declared_models()
    client = ModelServerClient("nowhere", None, server.open_channel)
    runner.run(client.__aenter__())
    limit = ConcurrencyLimit("housing", max_limit=256)
    point = FixedPoint(calls=2, rows=MAX_ROWS)
    yield Inference(HOUSING.signature, client, Router(), limit, point)
    runner.run(client.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def prices(runner: asyncio.Runner, inference: Inference) -> list[float]:
    """What each house costs when it is asked for alone."""
    prices = [
        price for index in range(len(HOUSES)) for price in runner.run(ask(inference, [index]))
    ]
    assert len(set(prices)) == len(prices), "a mix-up would not be noticed"
    return prices


@dataclasses.dataclass
class Asked:
    """One request: its houses, its version, its time, and when it is given up, if it is."""

    houses: list[int]
    version: int | None
    seconds: float
    turns_before: int
    leaves_after_turns: int | None


requests = st.builds(
    Asked,
    houses=st.lists(st.integers(0, len(HOUSES) - 1), min_size=1, max_size=MAX_ROWS + 2),
    version=st.sampled_from([None, None, None, 1]),
    seconds=st.sampled_from([LONG, LONG, LONG, LONG, 0.01, 0.002, 0.0]),
    turns_before=st.sampled_from([0, 0, 1, 20]),
    leaves_after_turns=st.sampled_from([None, None, None, None, 0, 1, 20]),
)


@given(asked=st.lists(requests, min_size=5, max_size=30))
@settings(max_examples=50)
def test_every_request_gets_its_own_prices_or_none(
    asked: list[Asked], runner: asyncio.Runner, inference: Inference, prices: list[float]
) -> None:
    for request, answer in zip(asked, runner.run(ask_all(inference, asked)), strict=True):
        match answer:
            case list():
                assert answer == pytest.approx([prices[n] for n in request.houses], rel=1e-5)
            case asyncio.CancelledError():
                assert request.leaves_after_turns is not None
            case _:
                assert isinstance(answer, TimeoutError | DeadlineExceeded)
                assert request.seconds < LONG
    assert reading("tfgate_calls_in_flight", model="housing") == 0


async def ask_all(inference: Inference, asked: list[Asked]) -> list[list[float] | BaseException]:
    """Let them all ask and leave; afterwards none may be at work any more."""
    before = asyncio.all_tasks()
    tasks, leaving = [], []
    for request in asked:
        for _ in range(request.turns_before):
            await asyncio.sleep(0)
        task = asyncio.create_task(
            ask(inference, request.houses, version=request.version, seconds=request.seconds)
        )
        tasks.append(task)
        if request.leaves_after_turns is not None:
            leaving.append(asyncio.create_task(leave(task, request.leaves_after_turns)))
    async with asyncio.timeout(LONG):
        await asyncio.gather(*leaving)
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        while asyncio.all_tasks() != before:
            await asyncio.sleep(0)
    return answers


async def leave(task: "asyncio.Task[Any]", turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()


async def ask(
    inference: Inference, houses: list[int], *, version: int | None = None, seconds: float = LONG
) -> list[float]:
    """Ask for some houses' prices; as the caller must, give up at the deadline."""
    async with asyncio.timeout(seconds):
        answer = await inference.predict(
            Question(ModelRef("housing", version)),
            HOUSING.preprocess([HOUSES[number] for number in houses]),
            RequestContext("test", "POST", "/predict/housing", {}),
            deadline=time.monotonic() + seconds,
        )
    found: list[float] = answer.outputs["price"].tolist()
    return found
