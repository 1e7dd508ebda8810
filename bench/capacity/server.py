"""A simulated model server: so many calls at once, each for a fixed time and a time a row."""

from dataclasses import dataclass, field
from random import Random
from typing import Protocol

from bench.capacity.clock import Clock, Processors
from bench.capacity.measured import Costs
from bench.capacity.outcome import Outcome

_MICROSECOND = 1e-6


@dataclass(eq=False)
class Call:
    """A call on its way: when its requests arrived, and how often it has been tried."""

    arrivals: list[float]
    attempts: int = 1


class Caller(Protocol):
    """Who makes calls: a gateway."""

    def answer(self, call: Call) -> None:
        """Hear that a call has its answer."""

    def fail(self, call: Call) -> None:
        """Hear that a call has failed with its connection."""

    def hang(self, call: Call, server: "Server") -> None:
        """Not hear anything."""


@dataclass(frozen=True)
class Service:
    """How long a model server takes for a call, and how many it works on at once."""

    call_seconds: float
    row_seconds: float
    spread: float = 0.0  # of the logarithm of that time
    parallel: int = 1

    @staticmethod
    def of(costs: Costs, *, parallel: int) -> "Service":
        """Take what was measured."""
        return Service(
            _MICROSECOND * costs.server_call,
            _MICROSECOND * costs.server_row,
            costs.spread,
            parallel,
        )

    def seconds(self, rows: int, random: Random) -> float:
        """Draw how long a call of so many rows takes."""
        mean = self.call_seconds + rows * self.row_seconds
        return mean * random.lognormvariate(0.0, self.spread) if self.spread else mean


@dataclass(eq=False)
class Server:
    """One model server, which tells whoever has made a call what becomes of it."""

    clock: Clock
    service: Service
    random: Random
    outcome: Outcome
    alive: bool = True
    silent: bool = False  # its node is gone: nothing comes back, not even that it is away
    inside: dict[Call, "Caller"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.processors = Processors(self.clock, self.service.parallel)

    def take(self, call: Call, caller: "Caller") -> None:
        """Receive a call."""
        if self.silent:
            caller.hang(call, self)
            return
        if not self.alive:
            caller.fail(call)
            return
        self.inside[call] = caller
        self.outcome.most_at_a_server = max(self.outcome.most_at_a_server, len(self.inside))

        def done() -> float:
            # Otherwise it has failed with the server meanwhile.
            if self.inside.pop(call, None) is not None:
                caller.answer(call)
            return 0.0

        self.processors.give(self.service.seconds(len(call.arrivals), self.random), done)

    def end(self) -> None:
        """Die, and have everybody notice whose call is inside."""
        self.alive = False
        failed, self.inside = self.inside, {}
        for call, caller in failed.items():
            caller.fail(call)

    def fall_silent(self) -> None:
        """Vanish with the node: nobody is told."""
        self.alive, self.silent = False, True
        lost, self.inside = self.inside, {}
        for call, caller in lost.items():
            caller.hang(call, self)
