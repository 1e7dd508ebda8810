"""Autoscaling over an hour: what a gateway does at a rate is simulated by requests, once for each
rate that occurs; between those, seconds pass, for all gateways are alike.

A pod settles within a tenth of a second, for it holds no more than its bound of requests, and the
autoscalers look every fifteen. So second after second is taken as at rest.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from math import ceil, log

from bench.capacity.fleet import Fleet, Plan
from bench.capacity.gateway import Front
from bench.capacity.measured import Measured
from bench.capacity.server import Service
from bench.capacity.shipped import Rules, Scaler, Step
from bench.capacity.sizing import network

_SYNC_SECONDS = 15  # of the controller; the next three are its defaults, too
_TOLERANCE = 0.1
_SAMPLE_REQUESTS = 4_000
_SAMPLE_GATEWAYS, _MOST_GATEWAYS = 4, 200
_GRID = 1.1  # rates that are closer together than this are taken for one
# What no manifest has yet: predictions that wait for a call, or are out with one.
ALSO_OUT = "waiting or out"
# Over how long a metric is averaged: k8s/prometheus-adapter, and metrics-server's for cpu.
_WINDOWS = {
    "cpu": 30,
    "tfgate_requests_in_flight": 60,
    "tfgate_predictions_waiting": 120,
    ALSO_OUT: 120,
}


@dataclass(frozen=True)
class Rest:
    """What one gateway does at a rate, with its share of the servers."""

    good: float  # of those that come
    values: dict[str, float]  # of the metrics, of a gateway


class Curve:
    """Gateways at rest, simulated for each rate and each number of servers that is asked for."""

    def __init__(self, measured: Measured, workload: str, parallel: int) -> None:
        costs = measured.costs[workload]
        self._front = Front.of(costs, measured.refusal, network(costs))
        self._service = Service.of(costs, parallel=parallel)
        self._rules = Rules.of(workload)
        self._simulated = cache(self._simulate)

    def at(self, per_gateway: float, servers_each: float) -> Rest:
        """Give what one gateway does."""
        return self._simulated(_step_of(per_gateway), _step_of(servers_each))

    def _simulate(self, rate_step: int, servers_step: int) -> Rest:
        per_gateway, servers_each = _GRID**rate_step, _GRID**servers_step
        # Enough gateways for two servers at least.
        gateways = min(_MOST_GATEWAYS, max(_SAMPLE_GATEWAYS, ceil(2 / servers_each)))
        plan = Plan(
            front=self._front,
            service=self._service,
            num_gateways=gateways,
            num_servers=max(1, round(gateways * servers_each)),
            per_second=gateways * per_gateway,
            seconds=max(0.2, _SAMPLE_REQUESTS / (gateways * per_gateway)),
            warmup=0.1,
            rules=self._rules,
        )
        fleet = Fleet(plan)
        outcome = fleet.run()
        seconds = plan.warmup + plan.seconds
        bad = outcome.refused + outcome.timed_out + outcome.unavailable
        inside = per_gateway * sum(outcome.latencies) / max(1, len(outcome.latencies))
        waiting = outcome.waited_seconds / seconds / gateways
        return Rest(
            good=1 - bad / max(1, outcome.arrived),
            values={
                "cpu": fleet.busy[0],
                "tfgate_requests_in_flight": inside,
                "tfgate_predictions_waiting": waiting,
                ALSO_OUT: max(waiting, inside - per_gateway * self._front.request),
            },
        )


def _step_of(value: float) -> int:
    return round(log(max(value, 1e-3)) / log(_GRID))


@dataclass
class Pods:
    """Pods of one kind, those that start included, and what their autoscaler remembers."""

    scaler: Scaler
    start_seconds: float
    ready: int
    starting: deque[float] = field(default_factory=deque)  # when each will be ready
    wishes: deque[tuple[float, int]] = field(default_factory=deque)
    changes: deque[tuple[float, int]] = field(default_factory=deque)

    @property
    def number(self) -> int:
        """All of them."""
        return self.ready + len(self.starting)

    def pass_time(self, now: float) -> None:
        """Let those start whose time has come."""
        while self.starting and self.starting[0] <= now:
            self.starting.popleft()
            self.ready += 1

    def follow(self, now: float, ratios: list[float]) -> None:
        """Do as the horizontal pod autoscaler does, with each metric's value by its target.

        Source: kubernetes.io, "Horizontal Pod Autoscaling", algorithm details, and its behaviour.
        """
        counts = [
            ceil(self.ready * each) if abs(each - 1) > _TOLERANCE else self.number
            for each in ratios
        ]
        wish = min(self.scaler.most, max(self.scaler.least, *counts))
        self.wishes.append((now, wish))
        oldest = now - max(self.scaler.up_window, self.scaler.down_window)
        while self.wishes[0][0] < oldest:
            self.wishes.popleft()
        up = min(wish for when, wish in self.wishes if when >= now - self.scaler.up_window)
        down = max(wish for when, wish in self.wishes if when >= now - self.scaler.down_window)
        if up > self.number:
            self._set(now, min(up, self._most(now)))
        elif down < self.number:
            self._set(now, max(down, self._least(now)))

    def _set(self, now: float, number: int) -> None:
        change = number - self.number
        if change:
            self.changes.append((now, change))
        for _ in range(change):
            self.starting.append(now + self.start_seconds)
        for _ in range(-change):
            if self.starting:
                self.starting.pop()
            else:
                self.ready -= 1

    def _most(self, now: float) -> int:
        return max(self._allowed(now, each) for each in self.scaler.up)

    def _least(self, now: float) -> int:
        return min(2 * self.number - self._allowed(now, each, -1) for each in self.scaler.down)

    def _allowed(self, now: float, step: Step, sign: int = 1) -> int:
        """Tell how many there may be by one policy, given what its time has seen already."""
        recent = sum(
            change
            for when, change in self.changes
            if when > now - step.seconds and change * sign > 0
        )
        before = self.number - recent
        by = step.value if step.kind == "Pods" else ceil(before * step.value / 100)
        return before + by if sign > 0 else self.number + (by - abs(recent))


@dataclass(frozen=True)
class Second:
    """What was so in one second."""

    offered: float
    good: float
    gateways: int
    servers: int


def autoscale(
    curve: Curve, gateways: Pods, servers: Pods, load: Callable[[float], float], seconds: int
) -> list[Second]:
    """Let a load come, and the autoscalers follow."""
    passed: list[Second] = []
    seen: dict[str, deque[float]] = {name: deque(maxlen=_WINDOWS[name]) for name in _WINDOWS}
    for now in range(seconds):
        for pods in (gateways, servers):
            pods.pass_time(now)
        offered = load(now)
        rest = curve.at(offered / gateways.ready, servers.ready / gateways.ready)
        good = offered * rest.good
        passed.append(Second(offered, good, gateways.ready, servers.ready))
        for name, value in rest.values.items():
            total = name in {"tfgate_predictions_waiting", ALSO_OUT}
            seen[name].append(value * gateways.ready if total else value)
        if now % _SYNC_SECONDS == 0:
            means = {name: sum(values) / len(values) for name, values in seen.items()}
            gateways.follow(
                now, [means[name] / target for name, target in gateways.scaler.targets.items()]
            )
            # A target for each of them of what waits in all.
            servers.follow(
                now,
                [
                    means[name] / target / servers.ready
                    for name, target in servers.scaler.targets.items()
                ],
            )
    return passed
