"""Dialects against each other: all servers are alive, and are asked in short turns.

So whatever else the machine does meets all of them alike; tfgate is one process in all of its
dialects.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench.disturbance import disturbance
from bench.load import Target, put_load
from bench.reference import check_answers, write_reference
from bench.results import Cell, Results
from bench.serve import Served, serve
from bench.systems import System
from bench.workloads import ALL_WORKLOADS, FOREIGN_WORKLOADS

AT_ONCE = 32
WORKLOADS = ("house", *FOREIGN_WORKLOADS)


@dataclass(frozen=True)
class _Pair:
    """A system and what it is asked."""

    system: System
    served: Served
    workload: str
    target: Target


def measure_in_turns(
    systems: list[System],
    results: Results,
    scratch: Path,
    console: Console,
    *,
    rounds: int,
    seconds: int,
) -> None:
    """Give each its turn once a round.

    Raises:
        WrongAnswer: one answers something else than the model says.
        Ended: a program ended by itself.
        TimeoutError: one did not start.
    """
    with ExitStack() as stack:
        served: dict[tuple[str, ...], Served] = {}
        for system in systems:
            if system.command not in served:
                served[system.command] = stack.enter_context(serve(system, scratch))
        pairs = [
            _pair(system, served[system.command], name, scratch)
            for name in WORKLOADS
            for system in systems
            if name in system.workloads
        ]
        everybody = tuple(program for each in served.values() for program in each.programs)
        for number in range(1, rounds + 1):
            for pair in pairs:
                with disturbance(everybody) as disturbed:
                    cell = _turn(pair, number, seconds)
                results.add(cell.model_copy(update={"foreign_cpu_share": disturbed.share}))
                console.print(
                    f"{number}  {pair.system.name:<18} {pair.workload:<10} "
                    f"{cell.load.good_per_second:>9,.0f}/s  CPU {cell.cpu_ms:7.3f} ms  "
                    f"others {disturbed.share:4.0%}  failed {cell.load.failures}"
                )


def _pair(system: System, served: Served, name: str, scratch: Path) -> _Pair:
    """Check the answers, and warm up."""
    workload, dialect = ALL_WORKLOADS[name], system.dialect
    url = served.asked_in(dialect)
    check_answers(url, dialect, workload, write_reference(scratch))
    requests = dialect.write_questions(workload, scratch / "requests")
    target = Target(url, dialect.path(workload), requests)
    put_load(target, connections=AT_ONCE, seconds=1)
    return _Pair(system, served, name, target)


def _turn(pair: _Pair, number: int, seconds: int) -> Cell:
    began = pair.served.program.cpu_seconds()
    load = put_load(pair.target, connections=AT_ONCE, seconds=seconds)
    used = pair.served.program.cpu_seconds() - began
    pair.served.program.check()
    return Cell(
        system=pair.system.name,
        workload=pair.workload,
        connections=AT_ONCE,
        round=number,
        load=load,
        cpu_ms=1e3 * used / max(1, load.answers),
        foreign_cpu_share=0,
    )
