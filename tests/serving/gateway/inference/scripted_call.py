"""A Call that returns when a test tells it to, a batcher over it, and a loop to run both in."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.contract import Tensors
from serving.gateway.inference.batcher import Batcher, TraceHeaders
from serving.gateway.inference.client import Answer
from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.inference.operating_point import OperatingPoint
from serving.gateway.telemetry.request_context import RequestContext
from tests.in_process import reading

MODEL = "echo"
FOREVER = 1e6  # seconds


@dataclass
class Sent:
    """One call that was made, and what was known at that moment."""

    serial: int
    ref: ModelRef
    numbers: list[float]
    seconds: float
    num_out: int
    answer: "asyncio.Future[Answer]"
    error: Exception | None = None


class Script:
    """A Call that returns when it is told to, with what it is told: its own rows, or an error."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def __call__(
        self, question: Question, inputs: Tensors, seconds: float, _trace: TraceHeaders
    ) -> Awaitable[Answer]:
        ref = question.ref
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        num_out = 1 + sum(call.ref == ref for call in self.out)
        numbers = inputs["number"].ravel().tolist()
        self.sent.append(Sent(len(self.sent), ref, numbers, seconds, num_out, answer))
        return answer

    @property
    def out(self) -> list[Sent]:
        """The calls that have not returned."""
        return [call for call in self.sent if not call.answer.done()]

    def end(self, call: Sent, error: Exception | None = None) -> None:
        """Let a call return."""
        call.error = error
        if error is None:
            call.answer.set_result(Answer(call.serial, {"number": np.array(call.numbers)}))
        else:
            call.answer.set_exception(error)


class FixedPoint(OperatingPoint):
    """Calls and rows that stay what they are."""

    def __init__(self, *, calls: int, rows: int) -> None:
        super().__init__(MODEL, max_calls=calls, first_rows=rows)
        self.calls, self.rows = calls, rows
        self.patience_seconds = FOREVER

    def observe(self, *_args: Any, **_kwargs: Any) -> None:
        """Learn nothing."""

    def back_off(self, now: float) -> None:
        """Learn nothing."""


def batcher(call: Script, *, max_rows: int = 4, max_calls: int = 1) -> Batcher:
    limit = ConcurrencyLimit(MODEL, max_limit=1_000)
    return Batcher(MODEL, call, limit, FixedPoint(calls=max_calls, rows=max_rows))


def ask(
    batcher: Batcher, ref: ModelRef, *numbers: float, seconds: float = FOREVER
) -> "asyncio.Task[Answer]":
    deadline = time.monotonic() + seconds
    context = RequestContext("test", "POST", f"/predict/{MODEL}", {})
    inputs = {"number": np.array(numbers, np.float64)}
    return asyncio.ensure_future(batcher.predict(Question(ref), inputs, context, deadline=deadline))


async def settle() -> None:
    """Let everybody run until all of them wait; a cancellation takes the longest."""
    for _ in range(10):
        await asyncio.sleep(0)


def run_alone(test: Coroutine[Any, Any, None]) -> None:
    """Run to the end in a loop of its own; nothing may be left over: no task, no lost error."""
    lost: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: lost.append(context))
        async with asyncio.timeout(60):
            await test
        await settle()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert reading("tfgate_calls_in_flight", model=MODEL) == 0
        gc.collect(1)  # what is young: an error that nobody has heard of tells so as it is freed

    asyncio.run(watched())
    assert lost == []
