"""Whatever arrives, fails or leaves in whatever order: everybody gets one answer, their own."""

import asyncio
import time
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import (
    DeadlineExceeded,
    ModelServerUnavailable,
    Overloaded,
    PredictionFailed,
    RejectedByModel,
)
from serving.gateway.inference.client import Answer
from serving.gateway.inference.model_ref import ModelRef
from tests.serving.gateway.inference.scripted_call import (
    MODEL,
    Script,
    Sent,
    ask,
    batcher,
    run_alone,
    settle,
)

ROW_FAULTS = (RejectedByModel, PredictionFailed)
WHOLE_FAULTS = (ModelServerUnavailable, DeadlineExceeded, Overloaded, ValueError)
MOST_DRAINED = 1_000  # calls; no script needs as many


@dataclass
class Arrive:
    version: int
    num_rows: int
    poisoned: bool
    expired: bool
    seconds: int


@dataclass
class Return:
    """Which of the calls that are out returns, and how: poisoned rows fail in any case."""

    which: int
    error: type[Exception] | None


@dataclass
class Leave:
    which: int


Step = tuple[Arrive | Return | Leave, int]

arrivals = st.builds(
    Arrive,
    version=st.sampled_from([0, 0, 0, 1]),
    num_rows=st.sampled_from([1, 1, 1, 2, 3, 6]),
    poisoned=st.integers(0, 5).map(lambda n: n == 5),
    expired=st.integers(0, 5).map(lambda n: n == 5),
    seconds=st.integers(1, 9).map(lambda n: n * 10_000),
)
failures = [None, None, None, *WHOLE_FAULTS, *ROW_FAULTS, *ROW_FAULTS]
returns = st.builds(Return, which=st.integers(0, 2), error=st.sampled_from(failures))
leavings = st.builds(Leave, which=st.integers(0, 19))
# How far things get before the next step: not at all, a little, or until all wait.
pauses = st.sampled_from([0, 1, 2, 10])
steps = st.tuples(st.one_of(arrivals, arrivals, arrivals, returns, leavings), pauses)


@dataclass
class Request:
    ref: ModelRef
    numbers: list[float]
    poisoned: bool
    expired: bool
    deadline: float
    task: "asyncio.Task[Answer]"
    num_sent_before_leaving: int | None = None
    calls: list[Sent] = field(default_factory=list)


class Run:
    """One script, acted out; after each step the rules are checked."""

    def __init__(self, max_rows: int, max_calls: int) -> None:
        self.max_rows = max_rows
        self.max_calls = max_calls
        self.call = Script()
        self.batcher = batcher(self.call, max_rows=max_rows, max_calls=max_calls)
        self.refs = [ModelRef(MODEL, 1), ModelRef(MODEL, 2)]
        self.requests: list[Request] = []
        self._num_checked = 0

    async def act(self, script: list[Step]) -> None:
        for step, pause in script:
            match step:
                case Arrive():
                    self.arrive(step)
                case Return() if self.call.out:
                    out = self.call.out
                    self.end(out[step.which % len(out)], step.error)
                case Leave() if self.requests:
                    self.leave(self.requests[step.which % len(self.requests)])
            for _ in range(pause):
                await asyncio.sleep(0)
            self.check_calls()
            if pause == 10:
                self.check_rest()
        await self.drain()
        for request in self.requests:
            self.check_answer(request)

    def arrive(self, step: Arrive) -> None:
        numbers = [100.0 * len(self.requests) + index for index in range(step.num_rows)]
        seconds = -1 if step.expired else step.seconds
        ref = self.refs[step.version]
        task = ask(self.batcher, ref, *numbers, seconds=seconds)
        deadline = time.monotonic() + seconds
        self.requests.append(Request(ref, numbers, step.poisoned, step.expired, deadline, task))

    def end(self, call: Sent, error: type[Exception] | None) -> None:
        if any(request.poisoned for request in self.members(call)) and error not in WHOLE_FAULTS:
            error = error or PredictionFailed
        self.call.end(call, None if error is None else error("scripted"))

    def leave(self, request: Request) -> None:
        if request.task.cancel() and request.num_sent_before_leaving is None:
            request.num_sent_before_leaving = len(self.call.sent)

    def members(self, call: Sent) -> list[Request]:
        indices = dict.fromkeys(int(number // 100) for number in call.numbers)
        return [self.requests[index] for index in indices]

    def check_calls(self) -> None:
        """Check the calls that were made since the last time."""
        for call in self.call.sent[self._num_checked :]:
            members = self.members(call)
            assert call.numbers == [number for each in members for number in each.numbers]
            assert len(members) == 1 or len(call.numbers) <= self.max_rows
            assert call.num_out <= self.max_calls
            assert not any(request.expired for request in members)
            latest = max(request.deadline for request in members)
            assert latest - time.monotonic() == pytest.approx(call.seconds, abs=5_000)
            for request in members:
                left = request.num_sent_before_leaving
                assert left is None or call.serial < left, "nobody waits for its rows"
                assert len(request.calls) <= 1, "a request is repeated once"
                assert not request.calls or len(members) == 1, "and then alone"
                request.calls.append(call)
        self._num_checked = len(self.call.sent)

    def check_rest(self) -> None:
        """When all of them wait: nobody waits in vain, and no call is out in vain."""
        out = self.call.out
        for call in out:
            assert any(not request.task.done() for request in self.members(call))
        for request in self.requests:
            if not request.task.done() and not any(call in out for call in request.calls):
                assert sum(call.ref == request.ref for call in out) == self.max_calls

    async def drain(self) -> None:
        for _ in range(MOST_DRAINED):
            await settle()
            self.check_calls()
            self.check_rest()
            if not self.call.out:
                return
            self.end(self.call.out[0], None)
        pytest.fail("calls never end")

    def check_answer(self, request: Request) -> None:
        assert request.task.done()
        if request.num_sent_before_leaving is not None:
            assert request.task.cancelled()
            return
        error = request.task.exception()
        if request.expired:
            assert isinstance(error, DeadlineExceeded)
            assert not request.calls
            return
        last = request.calls[-1]
        assert error is last.error
        if error is None:
            assert not request.poisoned
            answer = request.task.result()
            assert answer.outputs["number"].tolist() == request.numbers
            assert answer.version == last.serial, "all rows are of one call"
        if isinstance(error, ROW_FAULTS):
            assert len(self.members(last)) == 1, "a neighbour's row may be to blame"


@given(
    script=st.lists(steps, min_size=10, max_size=40),
    max_rows=st.integers(1, 8),
    max_calls=st.integers(1, 3),
)
@settings(max_examples=150)
def test_every_request_gets_its_own_answer_whatever_happens(
    script: list[Step], max_rows: int, max_calls: int
) -> None:
    run_alone(Run(max_rows, max_calls).act(script))
