"""What is simulated, and with which numbers: each function is a table or a chart of the page."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from bench.capacity.autoscaling import ALSO_OUT, Curve, Pods, Second, autoscale
from bench.capacity.balancers import Balancing, at_random, better_of_two, pick_first, round_robin
from bench.capacity.fleet import Fleet, Plan, closed_loop
from bench.capacity.gateway import Front
from bench.capacity.measured import Measured
from bench.capacity.outcome import Outcome
from bench.capacity.server import Service
from bench.capacity.shipped import Rules, Step, scaler
from bench.capacity.sizing import POD_SECONDS, Inputs, need, network

RATES = (10_000, 30_000, 100_000, 300_000, 1_000_000)
_MOST_REQUESTS = 400_000  # of one simulation: ten seconds
_WARMUP = 0.1  # seconds; a request takes some milliseconds, whatever the fleet's size
SCALE = 10

# Hears how far a simulation is, in percent.
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Run:
    """A fleet, and what came of it."""

    name: str
    plan: Plan
    outcome: Outcome
    gateway_load: float
    server_load: float


def fleet_for(measured: Measured, workload: str, per_second: int) -> Plan:
    """Make the fleet that sizing.py says a rate needs."""
    wanted, costs = need(measured, workload, per_second), measured.costs[workload]
    return Plan(
        front=Front.of(costs, measured.refusal, network(costs)),
        service=Service.of(costs, parallel=Inputs().server_parallel),
        num_gateways=wanted.gateways,
        num_servers=wanted.servers,
        per_second=per_second,
        rules=Rules.of(workload),
    )


def run(name: str, plan: Plan, progress: Progress) -> Run:
    """Simulate one fleet at rest."""
    fleet = Fleet(plan)
    outcome = fleet.run(progress)
    return Run(name, plan, outcome, *fleet.busy)


def sizes(measured: Measured, progress: Progress) -> list[Run]:
    """Simulate every rate, request by request, and a tenth of the fleet for longer."""
    runs = []
    for rate in RATES:
        plan = fleet_for(measured, "house", rate)
        seconds = min(4.0, _MOST_REQUESTS / rate - _WARMUP)
        plan = replace(plan, seconds=seconds, warmup=_WARMUP)
        runs.append(run("whole", plan, progress))
        # Four gateways at least, or their neighbours' calls would not come at random any more.
        by = min(SCALE, plan.num_gateways / 4, plan.num_servers / 2)
        small = replace(plan.scaled(by), seconds=4.0)
        runs.append(run(f"1/{by:.2g}", small, progress))
    return runs


def batching(measured: Measured, progress: Progress) -> list[Run]:
    """Put more and more gateways before the same servers: each sees less, and shares less.

    1 is as many as the autoscaler's share of a processor asks for.
    """
    plan = fleet_for(measured, "house", 20_000)
    return [
        run(f"{factor:g}", replace(plan, num_gateways=round(factor * plan.num_gateways)), progress)
        for factor in (0.3, 0.4, 0.5, 0.7, 1, 2, 4, 8)
    ]


def balancing(measured: Measured, progress: Progress) -> list[Run]:
    """Choose servers in several ways, where a call is long and gateways make few at once."""
    plan = replace(fleet_for(measured, "review200", 50_000), seconds=1.0, warmup=0.3)
    # Fuller than sizing.py would have them: where nobody waits, all ways are alike.
    plan = replace(plan, num_servers=round(plan.num_servers * Inputs().server_load / 0.85))
    ways: list[tuple[str, Balancing, int]] = [
        ("round_robin, all servers", round_robin, 0),
        ("at random", at_random, 0),
        ("the better of two, as a proxy sees them", better_of_two, 0),
        ("round_robin, 20 servers each", round_robin, 20),
        ("round_robin, 8 servers each", round_robin, 8),
        ("round_robin, 4 servers each", round_robin, 4),
        ("pick_first, shuffled", pick_first, 0),
    ]
    in_step = replace(plan, same_order=True)
    return [
        *(
            run(name, replace(plan, balancing=way, subset=size), progress)
            for name, way, size in ways
        ),
        run("round_robin, all servers, in one order for all gateways", in_step, progress),
    ]


def workers(measured: Measured, progress: Progress) -> list[tuple[int, float]]:
    """Give requests a second of 1, 2 and 4 workers on processors of their own, with a model server
    that has as many, and 128 connections each.
    """
    costs = measured.costs["house"]
    found = []
    for number in (1, 2, 4):
        front = Front.of(costs, measured.refusal)
        if number > 1:
            front = replace(front, request=front.request + 1e-6 * measured.metrics_in_files)
        plan = Plan(
            front=front,
            service=Service.of(costs, parallel=number),
            num_gateways=number,
            num_servers=1,
            per_second=0,
            rules=Rules(max_requests=1024),
        )
        outcome = closed_loop(plan, 128 * number, 1e-6 * costs.client_request)
        found.append((number, outcome.good_per_second(plan.warmup, plan.warmup + plan.seconds)))
        progress(100)
    return found


BIN_SECONDS = 0.5


def incidents(measured: Measured, progress: Progress) -> dict[str, NDArray[np.float64]]:
    """Let things happen after five seconds; gives the good answers of each half second, of those
    offered.
    """
    plan = replace(fleet_for(measured, "house", 10_000), num_servers=10, seconds=24, warmup=1)
    many = replace(plan, rules=replace(plan.rules, max_calls=16))
    kinds: dict[str, tuple[Plan, Callable[[Fleet], None]]] = {
        "a server dies": (plan, _die),
        "three are replaced": (plan, _replace),
        "a node vanishes": (plan, _vanish),
        "a server hangs": (plan, _hang),
        "it hangs, 16 calls at once": (many, _hang),
        "it hangs, 3 of 10 servers known": (replace(plan, subset=3), _hang),
    }
    found = {}
    for name, (each, happen) in kinds.items():
        fleet = Fleet(each)
        fleet.clock.at(5.0, happen, fleet)
        finished = fleet.run(progress).finished
        edges = np.arange(each.warmup, each.warmup + each.seconds, BIN_SECONDS)
        counts, _ = np.histogram(finished, edges)
        found[name] = counts / BIN_SECONDS / each.per_second
    return found


def _die(fleet: Fleet) -> None:
    """Every gateway notices at once, and knows the one in its place when DNS tells."""
    lost = fleet.servers[0]
    for gateway in fleet.gateways:
        gateway.lose(lost)
    lost.end()


def _vanish(fleet: Fleet) -> None:
    """A gateway notices when what it has sent there stays unacknowledged."""
    _fall_silent(fleet, fleet.plan.rules.unacknowledged_seconds, 0.1)


def _hang(fleet: Fleet) -> None:
    """The machine answers still, the program does not: only an unanswered ping tells."""
    # Pings of different connections are not in step.
    _fall_silent(fleet, fleet.plan.rules.silence_seconds - 1, 1.0)


def _fall_silent(fleet: Fleet, seconds: float, within: float) -> None:
    lost = fleet.servers[0]
    lost.fall_silent()
    for gateway in fleet.gateways:
        noticed = fleet.clock.now + seconds + fleet.random.uniform(0, within)
        fleet.clock.at(noticed, gateway.lose, lost)


def _replace(fleet: Fleet) -> None:
    """One after the other: a new one is known, and then an old one left, as connections end."""
    longest = fleet.plan.rules.connection_seconds
    for number, old in enumerate(fleet.servers[:3]):
        new = fleet.new_server()
        begin = fleet.clock.now + 5.0 * number
        for gateway in fleet.gateways:
            # DNS is asked whenever one of the connections ends.
            known = begin + fleet.random.uniform(1, 1 + longest / len(gateway.servers))
            fleet.clock.at(known, gateway.know, new)
            fleet.clock.at(begin + fleet.random.uniform(1, longest), gateway.leave, old)


@dataclass(frozen=True)
class Hour:
    """A load that rises to its peak within a minute, and falls again, and what followed it."""

    name: str
    seconds: list[Second]

    @property
    def seconds_short(self) -> int:
        """For how long fewer than 99 % got a good answer."""
        return sum(each.good < 0.99 * each.offered for each in self.seconds)

    @property
    def lost(self) -> float:
        """The share of all requests that got none."""
        offered = sum(each.offered for each in self.seconds)
        return 1 - sum(each.good for each in self.seconds) / offered


RISE, FALL, LENGTH = 600, 3000, 4800


def hours(measured: Measured, progress: Progress) -> list[Hour]:
    """Let loads rise to five times of what they were."""
    quick = [Step("Pods", 2, 60), Step("Percent", 100, 60)]
    shipped = (scaler("gateway"), scaler("model-server"))
    more = (replace(shipped[0], most=10**5), replace(shipped[1], most=10**5))
    counted = replace(more[1], targets={ALSO_OUT: 16.0})
    fleets = {
        "more pods allowed": more,
        "and servers by what waits or is out": (more[0], counted),
        "and those doubled each minute": (more[0], replace(counted, up=quick)),
    }
    cases = [("10,000/s, as shipped", 10_000, shipped)]
    cases += [
        (f"{peak:,}/s, {name}", peak, scalers)
        for peak in (100_000, 1_000_000)
        for name, scalers in fleets.items()
    ]
    curve = Curve(measured, "house", Inputs().server_parallel)
    found = []
    for name, peak, (gateway, server) in cases:
        wanted = need(measured, "house", round(peak / 5))
        gateways = Pods(
            gateway,
            measured.gateway.start_seconds + POD_SECONDS,
            min(gateway.most, wanted.gateways),
        )
        servers = Pods(
            server, measured.server.start_seconds + POD_SECONDS, min(server.most, wanted.servers)
        )
        passed = autoscale(curve, gateways, servers, partial(_load, peak), LENGTH)
        found.append(Hour(name, passed))
        progress(100)
    return found


def _load(peak: float, now: float) -> float:
    """Rise from a fifth to all within a minute, and fall within ten."""
    low = peak / 5
    up = min(1.0, max(0.0, (now - RISE) / 60))
    down = min(1.0, max(0.0, (now - FALL) / 600))
    return low + (peak - low) * (up - down)
