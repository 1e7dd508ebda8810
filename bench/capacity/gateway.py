"""A simulated gateway process: one processor, a limit, and a lane of calls as the batcher's.

Source: serving/gateway/inference/batcher.py, of which this is the timing without the tensors.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from bench.capacity.balancers import Pick
from bench.capacity.clock import Clock, Processors
from bench.capacity.measured import Costs
from bench.capacity.outcome import Outcome
from bench.capacity.server import Call, Server
from bench.capacity.shipped import Rules

_MICROSECOND = 1e-6


@dataclass(frozen=True)
class Front:
    """What a gateway needs for a request and for a call, in seconds."""

    request: float  # half of it before the call, half of it after
    call: float
    refusal: float
    wire: float

    @staticmethod
    def of(costs: Costs, refusal: float, wire: float | None = None) -> "Front":
        """Take what was measured, on one machine unless another wire is named; microseconds."""
        return Front(
            _MICROSECOND * costs.gateway_request,
            _MICROSECOND * costs.gateway_call,
            # A request is read before it is refused, and so is one that is not.
            _MICROSECOND * min(refusal, costs.gateway_request / 2),
            _MICROSECOND * (costs.wire if wire is None else wire),
        )


@dataclass(eq=False)
class Gateway:
    """Takes requests, refuses those beyond its limit, and has the others answered in shared calls.

    `answered(arrived, when)` hears of each good answer; `servers` are those that it knows of.
    """

    clock: Clock
    front: Front
    rules: Rules
    servers: list[Server]
    pick: Pick
    outcome: Outcome
    random: Random

    def __post_init__(self) -> None:
        self.processors = Processors(self.clock)
        self.inside = 0
        self.answered: Callable[[float, float], None] = self.outcome.answer
        self._waiting: deque[float] = deque()
        self._calls: set[Call] = set()
        self._hanging: dict[Call, Server] = {}
        self._scheduled = False
        self._spent = 0.0  # within the piece of work that is being done

    def arrive(self) -> None:
        """Have a request wait for the processor."""
        arrived = self.clock.now
        self.outcome.arrived += 1
        self.processors.give(self.front.refusal, lambda: self._admit(arrived))

    def _admit(self, arrived: float) -> float:
        if self.inside >= self.rules.max_requests:
            self.outcome.refused += 1
            return 0.0
        self.inside += 1
        self._spent = self.front.request / 2 - self.front.refusal
        self._waiting.append(arrived)
        if not self._calls:
            self._send()
        elif not self._scheduled and len(self._calls) < self.rules.max_calls:
            self._scheduled = True
            self.processors.give(0.0, self._send_later)
        return self._spent

    def _send_later(self) -> float:
        self._scheduled = False
        self._spent = 0.0
        self._send()
        return self._spent

    def _send(self) -> None:
        while self._waiting and len(self._calls) < self.rules.max_calls:
            members = self._take()
            if not members:
                return
            call = Call(members)
            self._calls.add(call)
            self.outcome.calls += 1
            self.outcome.rows += len(members)
            self._spent += self.front.call
            leaves = self.clock.now + self._spent
            self.clock.at(leaves + self.front.wire / 2, self._reach, call)

    def _take(self) -> list[float]:
        members: list[float] = []
        while self._waiting and len(members) < self.rules.max_rows:
            arrived = self._waiting.popleft()
            if arrived + self.rules.timeout_seconds <= self.clock.now:
                self.outcome.timed_out += 1
                self.inside -= 1
            else:
                members.append(arrived)
        return members

    def _reach(self, call: Call) -> None:
        if not self.servers:
            self.fail(call)
        else:
            self.pick(self.servers).take(call, self)

    def know(self, server: Server) -> None:
        """Call one more server from now on."""
        self.servers = [*self.servers, server]

    def leave(self, server: Server) -> None:
        """Call a server no more; what is inside there may end."""
        self.servers = [each for each in self.servers if each is not server]

    def lose(self, server: Server) -> None:
        """Forget a server whose connection has ended; a call that hung there fails."""
        self.leave(server)
        for call in [call for call, where in self._hanging.items() if where is server]:
            del self._hanging[call]
            self.fail(call)

    def answer(self, call: Call) -> None:
        """Hear that a call has its answer, which is on its way back."""
        self.clock.at(
            self.clock.now + self.front.wire / 2,
            self.processors.give,
            0.0,
            lambda: self._returned(call),
        )

    def _returned(self, call: Call) -> float:
        self._calls.remove(call)
        self._spent = 0.0
        self._send()
        for arrived in call.arrivals:
            self._spent += self.front.request / 2
            self.answered(arrived, self.clock.now + self._spent)
        self.inside -= len(call.arrivals)
        return self._spent

    def fail(self, call: Call) -> None:
        """Try again, as gRPC does: after a pause that is drawn, and on another connection."""
        if call.attempts == self.rules.attempts:
            self.outcome.unavailable += len(call.arrivals)
            self._end(call)
            return
        call.attempts += 1
        pause = self.random.uniform(0, self.rules.pause_seconds * 2 ** (call.attempts - 2))
        self.clock.at(self.clock.now + pause, self._reach, call)

    def hang(self, call: Call, server: Server) -> None:
        """Hear nothing, until the last deadline in the call."""
        self._hanging[call] = server
        deadline = max(call.arrivals) + self.rules.timeout_seconds
        self.clock.at(max(self.clock.now, deadline), self._expire, call)

    def _expire(self, call: Call) -> None:
        if self._hanging.pop(call, None) is None:
            return
        self.outcome.timed_out += len(call.arrivals)
        self._end(call)

    def _end(self, call: Call) -> None:
        self._calls.remove(call)
        self.inside -= len(call.arrivals)
        self.processors.give(0.0, self._send_later)
