"""The overload curve: a constant rate, from a tenth to three times of what saturates a system."""

from pathlib import Path

from rich.console import Console

from bench.load import Target, put_load
from bench.open_loop import compile_generator, offer
from bench.results import OverloadPoint, Results
from bench.serve import serve
from bench.systems import System
from bench.workloads import Workload

# What the gateway itself bounds, and what the model bounds.
OVERLOAD_WORKLOADS = ("house", "review200")
SHARES = (0.1, 0.25, 0.5, 0.8, 0.9, 1.0, 1.2, 1.5, 2.0, 3.0)
# A system may shed at the larger number already, and may not be busy at the smaller.
SATURATING_CONNECTIONS = (32, 128)
# As many callers as a busy site has; their requests beyond it wait in line at their own side.
MAX_CONNECTIONS = 1024


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
    with serve(system, scratch) as served:
        requests = system.dialect.write_questions(workload, scratch / "requests")
        target = Target(served.url, system.dialect.path(workload), requests)
        put_load(target, connections=SATURATING_CONNECTIONS[0], seconds=2)
        saturation = max(
            put_load(target, connections=connections, seconds=seconds).good_per_second
            for connections in SATURATING_CONNECTIONS
        )
        console.print(
            f"{system.name}, {workload.name}: saturated at {saturation:,.0f} answers a second"
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
            )
            results.add(point)
            console.print(_line(point))


def _line(point: OverloadPoint) -> str:
    outcome = point.outcome
    statuses = ", ".join(f"{code}: {each.count:,}" for code, each in outcome.statuses.items())
    accepted = outcome.statuses.get(200)
    return (
        f"{point.system:<18} {point.share:4.0%}  offered {outcome.offered_per_second:>9,.0f}/s  "
        f"good {outcome.good_per_second:>9,.0f}/s  "
        f"p99 of accepted {accepted.p99_ms if accepted else float('nan'):8.2f} ms  "
        f"{statuses}{'' if outcome.kept_rate else '  [yellow]the rate was not kept[/]'}"
    )
