"""Sharing calls: concurrent requests for the same servable travel in one call of the model server.

No timer is involved. Rows leave at once while fewer than `max_calls` calls of their servable are
out; otherwise they gather, and leave together when a call returns. Knows rows and answers, but
neither HTTP nor gRPC nor tensors.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from serving.contract import Row
from serving.errors import DeadlineExceeded, InternalError, Overloaded, PredictionFailed
from serving.gateway.inference.client import Servable
from serving.gateway.inference.concurrency_limit import Limiter
from serving.gateway.telemetry import metrics

# What one row alone can bring upon a whole call, so that the others deserve another.
_ROW_FAULTS = (InternalError, PredictionFailed)


@dataclass(frozen=True)
class RowAnswer:
    """What a version answered: for each row of inputs a row of outputs."""

    version: int
    rows: list[Row]


# The headers of a trace that a call is part of; none if it is not traced.
TraceContext = Mapping[str, str]
# One call of the model server: the servable, the rows, the seconds that it may take, the trace.
Call = Callable[[Servable, list[Row], float, TraceContext], Awaitable[RowAnswer]]
OnSent = Callable[[], TraceContext]


@dataclass(eq=False)
class _Member:
    """One request's rows on their way; `future` is cancelled once nobody waits for it."""

    rows: list[Row]
    deadline: float
    on_sent: OnSent
    future: asyncio.Future[RowAnswer]
    arrived: float = field(default_factory=time.monotonic)
    alone: bool = False


class Coalescer:
    """The lanes of one model: one for each of its servables that is being asked."""

    def __init__(
        self, model: str, call: Call, limiter: Limiter, *, max_rows: int, max_calls: int
    ) -> None:
        self.model = model
        self.call = call
        self.limiter = limiter
        self.max_rows = max_rows
        self.max_calls = max_calls
        self._lanes: dict[Servable, _Lane] = {}

    async def predict(
        self, servable: Servable, rows: list[Row], *, deadline: float, on_sent: OnSent
    ) -> RowAnswer:
        """Have rows answered, in their order and by one version.

        The caller keeps its `deadline`, a time of time.monotonic(), by cancelling: rows that nobody
        waits for are not sent, and a call that carries no others is cancelled. `on_sent` is called
        when the rows leave, and again should they have to go a second time, alone; a call is part
        of the trace that the first of those in it returns.

        Raises:
            TfgateError: what the call raised.
        """
        lane = self._lanes.get(servable)
        if lane is None:
            lane = self._lanes[servable] = _Lane(servable, self)
        future: asyncio.Future[RowAnswer] = asyncio.get_running_loop().create_future()
        member = _Member(rows, deadline, on_sent, future)
        lane.join(member)
        try:
            return await future
        finally:
            if future.cancelled():
                lane.leave(member)

    def close(self, lane: "_Lane") -> None:
        """Forget an empty lane: there are as many versions to ask for as numbers."""
        if self._lanes.get(lane.servable) is lane:
            del self._lanes[lane.servable]


class _Lane:
    """The rows that wait for one servable, and its calls that are out."""

    def __init__(self, servable: Servable, coalescer: Coalescer) -> None:
        self.servable = servable
        self._coalescer = coalescer
        self._waiting: deque[_Member] = deque()
        self._calls: dict[asyncio.Future[RowAnswer], list[_Member]] = {}
        self._gauge = metrics.CALLS_IN_FLIGHT.labels(coalescer.model)
        self._scheduled = False

    def join(self, member: _Member) -> None:
        """Queue a member; it leaves at once if a call may."""
        self._waiting.append(member)
        if not self._calls:
            self._send()
        elif not self._scheduled and len(self._calls) < self._coalescer.max_calls:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._send_later)

    def _send_later(self) -> None:
        self._scheduled = False
        self._send()

    def leave(self, member: _Member) -> None:
        """Forget a member that nobody waits for, and cancel a call that has no others."""
        if member in self._waiting:
            self._waiting.remove(member)
        for call, members in self._calls.items():
            if all(other.future.done() for other in members):
                call.cancel()
        self._close_if_idle()

    def _send(self) -> None:
        while self._waiting and len(self._calls) < self._coalescer.max_calls:
            now = time.monotonic()
            members = self._take(now)
            if not members:
                break
            rows = [row for member in members for row in member.rows]
            seconds = max(member.deadline for member in members) - now
            trace, *_ = [member.on_sent() for member in members]
            call = asyncio.ensure_future(self._coalescer.call(self.servable, rows, seconds, trace))
            self._calls[call] = members
            self._gauge.inc()
            call.add_done_callback(partial(self._returned, now))
        self._close_if_idle()

    def _take(self, now: float) -> list[_Member]:
        """Take the members of the next call: as many as fit, but always a whole one."""
        members: list[_Member] = []
        room = self._coalescer.max_rows
        while self._waiting:
            member = self._waiting[0]
            if members and (len(member.rows) > room or member.alone or members[0].alone):
                break
            self._waiting.popleft()
            if member.future.done():
                continue  # it is about to leave
            if member.deadline <= now:
                _fail(member, DeadlineExceeded(f"{self.servable} was too busy to answer in time"))
                continue
            members.append(member)
            room -= len(member.rows)
        return members

    def _returned(self, sent: float, call: asyncio.Future[RowAnswer]) -> None:
        members = self._calls.pop(call)
        self._gauge.dec()
        self._learn(call, members, sent)
        if call.cancelled():
            for member in members:
                member.future.cancel()
        elif (error := call.exception()) is None:
            _share(call.result(), members)
        elif isinstance(error, _ROW_FAULTS) and len(members) > 1:
            self._send_again(members)
        else:
            for member in members:
                _fail(member, error)
        self._send()

    def _close_if_idle(self) -> None:
        if not self._waiting and not self._calls:
            self._coalescer.close(self)

    def _learn(self, call: asyncio.Future[RowAnswer], members: list[_Member], sent: float) -> None:
        now = time.monotonic()
        if call.cancelled():
            # Cancelled by those who waited: because it took too long, or because they have left.
            if now >= max(member.deadline for member in members):
                self._coalescer.limiter.back_off()
        elif call.exception() is None:
            waited = sum(sent - member.arrived for member in members) / len(members)
            self._coalescer.limiter.observe(waited, now - sent)
        elif isinstance(call.exception(), (DeadlineExceeded, Overloaded)):
            self._coalescer.limiter.back_off()

    def _send_again(self, members: list[_Member]) -> None:
        """Put members that failed together to the front, each for a call of its own."""
        for member in reversed(members):
            if not member.future.done():
                member.alone = True
                self._waiting.appendleft(member)
                metrics.RETRIES.labels(self._coalescer.model, metrics.RETRIED_ALONE).inc()


def _share(answer: RowAnswer, members: list[_Member]) -> None:
    start = 0
    for member in members:
        end = start + len(member.rows)
        if not member.future.done():
            member.future.set_result(RowAnswer(answer.version, answer.rows[start:end]))
        start = end


def _fail(member: _Member, error: BaseException) -> None:
    if not member.future.done():
        member.future.set_exception(error)
