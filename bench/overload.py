"""The overload curve: a constant rate, from a tenth to three times of what saturates a system.

Beside it stands the most that could be had by a process that must read each request to refuse it:
with a the cost of one that is accepted, r of one that is refused, and load L times the peak, it has
(1 - L r/a) / (1 - r/a) of its peak left.
"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from bench.load import Load, Target, put_load
from bench.open_loop import compile_generator, offer
from bench.results import Costs, OverloadPoint, Results
from bench.serve import Served, serve
from bench.systems import System
from bench.workloads import Workload

# What the gateway itself bounds, and what the model bounds.
OVERLOAD_WORKLOADS = ("house", "review200")
SHARES = (0.1, 0.25, 0.5, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0)
# A system may shed at the larger number already, and may not be busy at the smaller.
SATURATING_CONNECTIONS = (32, 128)
# As many callers as a busy site has; their requests beyond it wait in line at their own side.
MAX_CONNECTIONS = 1024
# The system with the smallest bound on what is inside: it is full of so many uploads.
_SMALLEST_BOUND = 8


def measure_overload(
    system: System,
    workload: Workload,
    results: Results,
    scratch: Path,
    console: Console,
    *,
    seconds: int,
) -> None:
    """Find the rate that saturates a system in a closed loop, then offer each share of it."""
    generator = compile_generator(scratch / "bin")
    refused_us = _cost_of_refusal(system, workload, scratch) if system.bound_setting else None
    with serve(system, scratch) as served:
        target = _target(served, workload, scratch)
        put_load(target, connections=SATURATING_CONNECTIONS[0], seconds=2)
        loads = [
            _weighed_load(served, target, connections=connections, seconds=seconds)
            for connections in SATURATING_CONNECTIONS
        ]
        load, accepted_us = max(loads, key=lambda each: each[0].good_per_second)
        saturation = load.good_per_second
        costs = refused_us and Costs(accepted_us=accepted_us, refused_us=refused_us)
        console.print(
            f"{system.name}, {workload.name}: saturated at {saturation:,.0f} answers a second"
        )
        if costs:
            console.print(
                f"of its own processor time, an accepted one costs {accepted_us:.0f} µs, "
                f"a refused one {refused_us:.0f} µs"
            )
        for share in SHARES:
            outcome = offer(
                generator,
                target,
                rate=share * saturation,
                seconds=seconds,
                warmup=1,
                connections=MAX_CONNECTIONS,
            )
            point = OverloadPoint(
                system=system.name,
                workload=workload.name,
                share=share,
                saturation_per_second=saturation,
                outcome=outcome,
                costs=costs or None,
            )
            results.add(point)
            console.print(_line(point))


def _cost_of_refusal(system: System, workload: Workload, scratch: Path) -> float:
    """Measure a refusal in µs: with the system full, whoever asks is refused."""
    bound = {system.bound_setting: str(_SMALLEST_BOUND)}
    bounded = replace(system, environment={**system.environment, **bound})
    with serve(bounded, scratch) as served:
        target = _target(served, workload, scratch)
        with _uploads_that_never_end(target, _SMALLEST_BOUND):
            load, refused_us = _weighed_load(
                served, target, connections=SATURATING_CONNECTIONS[-1], seconds=2
            )
    if load.failed_statuses != load.answers:
        message = f"{system.name} was to be full, and has answered all the same"
        raise RuntimeError(message)
    return refused_us


@contextmanager
def _uploads_that_never_end(target: Target, number: int) -> Iterator[None]:
    place = urlsplit(target.url)
    head = f"POST {target.path} HTTP/1.1\r\nHost: {place.netloc}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 1\r\n\r\n"
    with ExitStack() as stack:
        for _ in range(number):
            connection = socket.create_connection((str(place.hostname), place.port or 80))
            stack.enter_context(connection)
            connection.sendall(head.encode())
        yield


def _weighed_load(
    served: Served, target: Target, *, connections: int, seconds: int
) -> tuple[Load, float]:
    """Put load, and tell how much of the system's own processor time an answer took, in µs."""
    before = served.program.cpu_seconds()
    load = put_load(target, connections=connections, seconds=seconds)
    return load, 1e6 * (served.program.cpu_seconds() - before) / max(1, load.answers)


def _target(served: Served, workload: Workload, scratch: Path) -> Target:
    dialect = served.system.dialect
    requests = dialect.write_questions(workload, scratch / "requests")
    return Target(served.url, dialect.path(workload), requests)


def _line(point: OverloadPoint) -> str:
    outcome = point.outcome
    statuses = ", ".join(f"{code}: {each.count:,}" for code, each in outcome.statuses.items())
    accepted = outcome.statuses.get(200)
    of_peak = outcome.good_per_second / point.saturation_per_second
    bound = f" of at most {point.costs.bound(point.share):.2f}" if point.costs else ""
    return (
        f"{point.system:<18} {point.share:4.0%}  offered {outcome.offered_per_second:>9,.0f}/s  "
        f"good {outcome.good_per_second:>9,.0f}/s = {of_peak:.2f}{bound} of saturation  "
        f"p99 of accepted {accepted.p99_ms if accepted else float('nan'):8.2f} ms  "
        f"{statuses}{'' if outcome.kept_rate else '  [yellow]the rate was not kept[/]'}"
    )
