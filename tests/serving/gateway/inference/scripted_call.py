"""A Call that returns when a test tells it to, a coalescer over it, and a loop to run both in."""

import asyncio
import gc
import time
from collections.abc import Awaitable, Coroutine
from dataclasses import dataclass
from typing import Any

from prometheus_client import REGISTRY

from serving.contract import Row
from serving.gateway.inference.batcher import Coalescer, RowAnswer, TraceContext
from serving.gateway.inference.client import Servable
from serving.gateway.inference.concurrency_limit import Limiter

MODEL = "echo"
FOREVER = 1e6  # seconds


@dataclass
class Sent:
    """One call that was made, and what was known at that moment."""

    serial: int
    servable: Servable
    numbers: list[float]
    seconds: float
    num_out: int
    answer: "asyncio.Future[RowAnswer]"
    error: Exception | None = None


class Script:
    """A Call that returns when it is told to, with what it is told: its own rows, or an error."""

    def __init__(self) -> None:
        self.sent: list[Sent] = []

    def __call__(
        self, servable: Servable, rows: list[Row], seconds: float, _trace: TraceContext
    ) -> Awaitable[RowAnswer]:
        answer: asyncio.Future[RowAnswer] = asyncio.get_running_loop().create_future()
        num_out = 1 + sum(call.servable == servable for call in self.out)
        numbers = [float(row["number"]) for row in rows]
        self.sent.append(Sent(len(self.sent), servable, numbers, seconds, num_out, answer))
        return answer

    @property
    def out(self) -> list[Sent]:
        """The calls that have not returned."""
        return [call for call in self.sent if not call.answer.done()]

    def end(self, call: Sent, error: Exception | None = None) -> None:
        """Let a call return."""
        call.error = error
        if error is None:
            rows: list[Row] = [{"number": number} for number in call.numbers]
            call.answer.set_result(RowAnswer(call.serial, rows))
        else:
            call.answer.set_exception(error)


def coalescer(call: Script, *, max_rows: int = 4, max_calls: int = 1) -> Coalescer:
    limiter = Limiter(MODEL, max_limit=1_000)
    return Coalescer(MODEL, call, limiter, max_rows=max_rows, max_calls=max_calls)


def ask(
    coalescer: Coalescer, servable: Servable, *numbers: float, seconds: float = FOREVER
) -> "asyncio.Task[RowAnswer]":
    rows: list[Row] = [{"number": number} for number in numbers]
    deadline = time.monotonic() + seconds
    asked = coalescer.predict(servable, rows, deadline=deadline, on_sent=dict)
    return asyncio.ensure_future(asked)


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
        assert not REGISTRY.get_sample_value("tfgate_calls_in_flight", {"model": MODEL})
        gc.collect(1)  # what is young: an error that nobody has heard of tells so as it is freed

    asyncio.run(watched())
    assert lost == []
