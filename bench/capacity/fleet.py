"""Gateways and model servers put together, and asked: by an open loop, or by a closed one."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from random import Random

from bench.capacity.balancers import Balancing, round_robin, subsets
from bench.capacity.clock import Clock, Processors
from bench.capacity.gateway import Front, Gateway
from bench.capacity.outcome import Outcome
from bench.capacity.server import Server, Service
from bench.capacity.shipped import Rules


@dataclass(frozen=True)
class Plan:
    """A fleet, and how long it is asked; requests of one row each come to gateways at random."""

    front: Front
    service: Service
    num_gateways: int
    num_servers: int
    per_second: float
    seconds: float = 4.0
    warmup: float = 1.0
    rules: Rules = field(default_factory=Rules)
    balancing: Balancing = round_robin
    subset: int = 0  # servers that a gateway knows; 0 is all
    same_order: bool = False  # in which all gateways have the servers; DNS gives each its own
    seed: int = 1

    def scaled(self, by: float) -> "Plan":
        """Make a smaller fleet of the same ratios: what one gateway or server meets is the same."""
        return replace(
            self,
            num_gateways=round(self.num_gateways / by),
            num_servers=round(self.num_servers / by),
            per_second=self.per_second / by,
        )


class Fleet:
    """A plan at work; `clock` may be given events of one's own before it is run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.clock = Clock()
        self.random = Random(plan.seed)  # noqa: S311  # no secret depends on it
        self.outcome = Outcome(since=plan.warmup)
        self.servers = [self.new_server() for _ in range(plan.num_servers)]
        size = plan.subset or plan.num_servers
        known = subsets(plan.num_servers, plan.num_gateways, size, self.random)
        self.gateways = [
            Gateway(
                self.clock,
                plan.front,
                plan.rules,
                [
                    self.servers[number]
                    for number in (sorted(numbers) if plan.same_order else numbers)
                ],
                plan.balancing(self.random),
                self.outcome,
                self.random,
            )
            for numbers in known
        ]

    def new_server(self) -> Server:
        """Make a server that nobody knows yet."""
        return Server(self.clock, self.plan.service, self.random, self.outcome)

    def run(self, progress: Callable[[float], None] | None = None) -> Outcome:
        """Ask for as long as planned, then let everything end that was asked."""
        end = self.plan.warmup + self.plan.seconds

        def arrive() -> None:
            self.random.choice(self.gateways).arrive()
            after = self.random.expovariate(self.plan.per_second)
            if self.clock.now + after < end:
                self.clock.at(self.clock.now + after, arrive)

        self.clock.at(0.0, arrive)
        for percent in range(1, 101):
            self.clock.run(end * percent / 100)
            if progress:
                progress(percent)
        self.busy = self._busy()
        self.clock.run()
        return self.outcome

    def _busy(self) -> tuple[float, float]:
        """Give the shares of their time for which gateways and servers have worked so far."""
        seconds = self.clock.now
        gateways = sum(each.processors.busy_seconds for each in self.gateways)
        servers = sum(each.processors.busy_seconds for each in self.servers)
        places = len(self.servers) * self.plan.service.parallel
        return gateways / seconds / len(self.gateways), servers / seconds / places


def closed_loop(plan: Plan, connections: int, client_seconds: float) -> Outcome:
    """Ask over so many connections; each client asks again when it has read its answer.

    A connection belongs to one gateway, drawn as the kernel does among workers of one port.
    """
    fleet = Fleet(plan)
    outcome, clock = fleet.outcome, fleet.clock
    end = plan.warmup + plan.seconds
    clients = [Client(fleet, gateway, end, client_seconds / 2) for gateway in fleet.gateways]
    for _ in range(connections):
        fleet.random.choice(clients).begin()
    clock.run()
    return outcome


class Client:
    """What asks one gateway, with a processor of its own."""

    def __init__(self, fleet: Fleet, gateway: Gateway, end: float, half_seconds: float) -> None:
        self._fleet, self._gateway = fleet, gateway
        self._end, self._half_seconds = end, half_seconds
        self._processors = Processors(fleet.clock)
        gateway.answered = self._answered

    def begin(self) -> None:
        """Ask over one more connection."""
        self._processors.give(self._half_seconds, self._send)

    def _send(self) -> float:
        self._gateway.arrive()
        return 0.0

    def _answered(self, arrived: float, when: float) -> None:
        self._fleet.clock.at(
            when, self._processors.give, self._half_seconds, lambda: self._read(arrived)
        )

    def _read(self, arrived: float) -> float:
        now = self._fleet.clock.now
        self._fleet.outcome.answer(arrived, now)
        if now < self._end:
            self.begin()
        return 0.0
