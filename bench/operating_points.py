"""What calls and rows the gateway comes to choose, simulated over model servers of every kind.

Discrete events, no clock and no sockets: requests that meet as in the gateway's batcher, replicas
that take one call after the other, in turn, each for a fixed cost and some more a row.
"""

import heapq
import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from statistics import quantiles

from serving.gateway.inference.operating_point import FIRST_CALLS, OperatingPoint

_WIRE = 0.0003  # seconds of a call on its way, there and back
_TURN = 0.0001  # of the event loop: those that arrive in one leave together
_THINK = 0.0005  # a client's, on average, before it asks again
_NOISE = 0.1  # of how long a replica takes, as a share
TODAY = (2, 64)  # what the gateway chose before: calls, and rows of a call (32 to 1024)


@dataclass(frozen=True)
class Backend:
    """Model servers, from some second on."""

    fixed_ms: float
    row_ms: float
    num_replicas: int


@dataclass(frozen=True)
class Load:
    """Who asks: clients that each wait for their answer, or arrivals at a rate."""

    num_clients: int = 128
    rate: float | None = None
    most_inside: int = 1024  # more are refused
    sizes: Sequence[int] = (1,)  # rows of a request, one as likely as the other


@dataclass(frozen=True)
class Outcome:
    """Rows a second, and seconds of latency, in the last part of a run."""

    throughput: float
    p50: float
    p99: float
    calls: int
    rows: int


# When it was sent, and the requests in it: when each came, and its rows.
_Call = tuple[float, list[tuple[float, int]]]


class Constant:
    """A gateway whose calls and rows never change."""

    def __init__(self, calls: int, rows: int) -> None:
        self.calls, self.rows = calls, rows

    def observe(self, *_args: object, **_kwargs: object) -> None:
        """Learn nothing."""


class Simulation:
    """One model's lane, over a list of backends by the second from which each is there."""

    def __init__(
        self,
        point: Constant | OperatingPoint,
        load: Load,
        backends: Sequence[tuple[float, Backend]],
        *,
        seed: int = 1,
    ) -> None:
        self._point, self._load = point, load
        self._backends = deque(backends)
        self._backend = self._backends.popleft()[1]
        self._random = random.Random(seed)  # noqa: S311  # no secret
        self._free_at = [0.0] * self._backend.num_replicas
        self._next_replica = 0
        self._waiting: deque[tuple[float, int]] = deque()
        self._rows_waiting = self._rows_out = self._inside = self._out = 0
        self._events: list[tuple[float, int, str, _Call | None]] = []
        self._serial = 0
        self._scheduled = False
        self.now = 0.0
        self.answered: list[tuple[float, float, int]] = []  # when, after how long, of how many rows
        for _ in range(self._load.num_clients if self._load.rate is None else 1):
            self._push(self._random.expovariate(1 / _THINK), "arrive")

    def run(self, *, num_calls: int = 10**9, seconds: float = 1e9) -> None:
        """Go on until so many calls have returned, or so much time has passed."""
        returned = 0
        while self._events and returned < num_calls and self.now < seconds:
            self.now, _, kind, call = heapq.heappop(self._events)
            if self._backends and self.now >= self._backends[0][0]:
                self._backend = self._backends.popleft()[1]
                busy = self._free_at + [0.0] * self._backend.num_replicas
                self._free_at = busy[: self._backend.num_replicas]
            if kind == "arrive":
                self._arrive()
            elif kind == "turn":
                self._scheduled = False
                self._send()
            elif call is not None:
                returned += 1
                self._return(*call)

    def _push(self, at: float, kind: str, call: _Call | None = None) -> None:
        self._serial += 1
        heapq.heappush(self._events, (at, self._serial, kind, call))

    def _arrive(self) -> None:
        if self._load.rate is not None:
            self._push(self.now + self._random.expovariate(self._load.rate), "arrive")
            if self._inside >= self._load.most_inside:
                return
        rows = self._random.choice(self._load.sizes)
        self._waiting.append((self.now, rows))
        self._rows_waiting += rows
        self._inside += 1
        if not self._out:
            self._send()
        elif not self._scheduled and self._out < self._point.calls:
            self._scheduled = True
            self._push(self.now + _TURN, "turn")

    def _send(self) -> None:
        while self._waiting and self._out < self._point.calls:
            room = self._point.rows
            if not isinstance(self._point, Constant) and self._point.calls > FIRST_CALLS:
                share = -(-(self._rows_waiting + self._rows_out) // self._point.calls)
                room = min(room, share)
            members = [self._waiting.popleft()]
            num_rows = members[0][1]
            while self._waiting and num_rows + self._waiting[0][1] <= room:
                members.append(self._waiting.popleft())
                num_rows += members[-1][1]
            self._rows_waiting -= num_rows
            self._rows_out += num_rows
            self._out += 1
            self._push(self._done_at(num_rows), "return", (self.now, members))

    def _done_at(self, num_rows: int) -> float:
        replica = self._next_replica = (self._next_replica + 1) % len(self._free_at)
        cost = (self._backend.fixed_ms + self._backend.row_ms * num_rows) / 1000
        cost *= max(0.2, self._random.gauss(1, _NOISE))
        begins = max(self.now + _WIRE / 2, self._free_at[replica])
        self._free_at[replica] = begins + cost
        return begins + cost + _WIRE / 2

    def _return(self, sent: float, members: list[tuple[float, int]]) -> None:
        now = self.now
        num_rows = sum(rows for _, rows in members)
        self._point.observe(sent, now, num_rows=num_rows, is_last=self._out >= self._point.calls)
        self._out -= 1
        self._inside -= len(members)
        self._rows_out -= num_rows
        for arrived, rows in members:
            self.answered.append((now, now - arrived, rows))
            if self._load.rate is None:
                self._push(now + self._random.expovariate(1 / _THINK), "arrive")
        self._send()

    def outcome(self, since: float, until: float | None = None) -> Outcome:
        """Say what was answered between two times."""
        until = self.now if until is None else until
        part = [each for each in self.answered if since <= each[0] < until]
        latencies = [latency for _, latency, _ in part]
        cuts = quantiles(latencies, n=100) if len(latencies) > 1 else [0.0] * 99
        throughput = sum(rows for _, _, rows in part) / max(until - since, 1e-9)
        return Outcome(throughput, cuts[49], cuts[98], self._point.calls, self._point.rows)


def controlled(max_calls: int = 128) -> OperatingPoint:
    """Make what the gateway has today."""
    return OperatingPoint("simulated", max_calls=max_calls, first_rows=32)


_FIXED_MS, _ROW_MS, _REPLICAS = (0.2, 2, 10, 50), (0, 0.05, 0.5, 5), (1, 4, 32)
_CONSTANT_CALLS, _CONSTANT_ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128), (8, 64, 1024)
_SETTLED = 0.6  # of a run, after which it is looked at


def constant(calls: int, rows: int, load: Load, backend: Backend) -> Outcome:
    """Simulate a gateway of constants."""
    run = Simulation(Constant(calls, rows), load, [(0, backend)])
    run.run(num_calls=12 * calls + 120)
    return run.outcome(run.now / 3)


def adaptive(load: Load, backend: Backend, num_calls: int) -> Outcome:
    """Simulate the gateway as it is, from its start until it has settled."""
    run = Simulation(controlled(), load, [(0, backend)])
    run.run(num_calls=num_calls)
    return run.outcome(run.now * _SETTLED)


def measure_operating_points(load: Load = Load()) -> Iterator[list[str]]:
    """Give a line for each kind of backend, below the first, which names the columns."""
    yield [
        *("fixed ms", "ms a row", "replicas", "best constants", "rows/s", "p99 ms"),
        *("2 calls of 64: rows/s", "p99", "measured: rows/s", "p99", "calls"),
    ]
    for fixed_ms, row_ms, num_replicas in product(_FIXED_MS, _ROW_MS, _REPLICAS):
        backend = Backend(fixed_ms, row_ms, num_replicas)
        outcomes = {
            (calls, rows): constant(calls, rows, load, backend)
            for calls, rows in product(_CONSTANT_CALLS, _CONSTANT_ROWS)
        }
        calls, rows = max(outcomes, key=lambda each: outcomes[each].throughput)
        best, today = outcomes[calls, rows], outcomes[TODAY]
        now = adaptive(load, backend, 40_000 if num_replicas > 8 else 10_000)
        yield [
            *(f"{fixed_ms}", f"{row_ms}", f"{num_replicas}", f"{calls} of {rows}"),
            *(f"{best.throughput:,.0f}", f"{1000 * best.p99:.1f}"),
            *(f"{today.throughput / best.throughput:.2f}", f"{today.p99 / best.p99:.2f}"),
            *(f"{now.throughput / best.throughput:.2f}", f"{now.p99 / best.p99:.2f}"),
            f"{now.calls}",
        ]
