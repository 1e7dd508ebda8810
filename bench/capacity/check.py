"""The simulation against this machine: closed loops that none of its numbers was taken from."""

from dataclasses import dataclass, replace

from bench.capacity.fleet import Plan, closed_loop
from bench.capacity.gateway import Front
from bench.capacity.measured import Measured, Point
from bench.capacity.server import Service
from bench.capacity.shipped import Rules

_SECONDS = 6.0


@dataclass(frozen=True)
class Check:
    """One closed loop, measured and simulated."""

    workload: str
    measured: Point
    simulated: Point


def checks(measured: Measured) -> list[Check]:
    """Simulate every closed loop that was measured for this."""
    return [
        Check(workload, point, _simulated(measured, workload, point.connections))
        for workload, points in measured.checks.items()
        for point in points
    ]


def _simulated(measured: Measured, workload: str, connections: int) -> Point:
    """Simulate twice: what the client takes of the server's processor is known after the first."""
    costs = measured.costs[workload]
    client = 1e-6 * costs.client_request
    service = Service.of(costs, parallel=1)
    plan = Plan(
        front=Front.of(costs, measured.refusal),
        service=service,
        num_gateways=1,
        num_servers=1,
        per_second=0,
        seconds=_SECONDS,
        rules=Rules.of(workload),
    )
    end = plan.warmup + plan.seconds
    first = closed_loop(plan, connections, client)
    left = 1 - client * first.good_per_second(plan.warmup, end)
    shared = replace(
        service,
        call_seconds=service.call_seconds / left,
        row_seconds=service.row_seconds / left,
    )
    outcome = closed_loop(replace(plan, service=shared), connections, client)
    return Point(
        connections=connections,
        per_second=round(outcome.good_per_second(plan.warmup, end)),
        p50_ms=round(outcome.milliseconds(50), 2),
        p99_ms=round(outcome.milliseconds(99), 2),
        rows_per_call=round(outcome.rows_per_call, 1),
    )
