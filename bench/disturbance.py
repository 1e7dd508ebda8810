"""How much of the machine others used while something was measured."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from bench.processes import Program


class Disturbance:
    """The share of all processors' time that went to others; known once the context has ended."""

    share = 0.0


@contextmanager
def disturbance(programs: tuple[Program, ...]) -> Iterator[Disturbance]:
    """Watch the whole machine, and take off what our programs and our own children use."""
    measured = Disturbance()
    idle, all_busy, own_busy = _machine_idle(), _machine_busy(), _own_busy(programs)
    yield measured
    others = (_machine_busy() - all_busy) - (_own_busy(programs) - own_busy)
    total = (_machine_busy() - all_busy) + (_machine_idle() - idle)
    measured.share = max(0.0, others / total) if total else 0.0


def _machine_busy() -> float:
    # Interrupts are left out: those of our own traffic cannot be told from those of others.
    times = psutil.cpu_times()
    return times.user + times.nice + times.system + times.steal


def _machine_idle() -> float:
    times = psutil.cpu_times()
    return times.idle + times.iowait


def _own_busy(programs: tuple[Program, ...]) -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = os.times()
    busy = children.ru_utime + children.ru_stime + own.user + own.system
    for program in programs:
        for process in program.tree():
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            busy += times.user + times.system
    return busy
