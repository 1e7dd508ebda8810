"""What a request and a call cost, each process on a processor of its own: closed loops, fitted.

The gateway has the first processor for itself; model server and load generator share the second, as
`check.py` simulates them.
"""

import os
import re
import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np

from bench.capacity.measured import Costs, Point, Process, Series
from bench.dialects import TFGATE
from bench.load import Load, Target, put_load
from bench.model_server import ModelServer, model_server
from bench.revisions import Gateway, gateway
from bench.stack import ROOT
from bench.workloads import WORKLOADS

# Points of the fit; those of the check are others.
_FITTED = (4, 16, 64)
CHECKED = (32, 128)
_P99_DEVIATIONS = 2.326  # from the median of a normal distribution
_BOUND = 128  # requests of a model that a gateway takes; as many connections more are refused


@dataclass(frozen=True)
class Loop:
    """One closed loop, and the processor time that each program took for it."""

    load: Load
    calls: float
    gateway_seconds: float
    server_seconds: float
    client_seconds: float

    @property
    def rows_per_call(self) -> float:
        """How many requests shared a call."""
        return self.load.answers / self.calls


class Bench:
    """A gateway and a model server, each on its own processor."""

    def __init__(self, server: ModelServer, front: Gateway, scratch: Path) -> None:
        self._server = server
        self._gateway = front
        self._scratch = scratch
        self.started: dict[str, Process] = {}

    def costs(self, workload: str, seconds: int) -> Costs:
        """Fit what a request of a workload costs."""
        self.loop(workload, 16, 1)  # warms up
        alone = self.loop(workload, 1, seconds)
        loops = [self.loop(workload, connections, seconds) for connections in _FITTED]
        request, call = _fit(
            [each.calls / each.load.answers for each in loops],
            [each.gateway_seconds / each.load.answers for each in loops],
        )
        server_call, row = _fit(
            [each.rows_per_call for each in (alone, *loops)],
            [each.server_seconds / each.calls for each in (alone, *loops)],
        )
        client = sum(each.client_seconds for each in loops) / sum(e.load.answers for e in loops)
        whole = 1e-3 * alone.load.p50_ms
        wire = whole - (request + call + server_call + row + client)
        return Costs(
            gateway_request=_microseconds(request),
            gateway_call=_microseconds(call),
            server_call=_microseconds(server_call),
            server_row=_microseconds(row),
            client_request=_microseconds(client),
            wire=_microseconds(max(0.0, wire)),
            spread=round(np.log(alone.load.p99_ms / alone.load.p50_ms) / _P99_DEVIATIONS, 3),
        )

    def points(self, workload: str, seconds: int) -> list[Point]:
        """Measure what the simulation is checked against."""
        points = []
        for connections in CHECKED:
            loop = self.loop(workload, connections, seconds)
            points.append(
                Point(
                    connections=connections,
                    per_second=round(loop.load.good_per_second),
                    p50_ms=round(loop.load.p50_ms, 2),
                    p99_ms=round(loop.load.p99_ms, 2),
                    rows_per_call=round(loop.rows_per_call, 1),
                )
            )
        return points

    def loop(self, workload: str, connections: int, seconds: int) -> Loop:
        """Ask over so many connections for so long."""
        gateway_before, server_before = self._cpu()
        calls, client = self._calls(), _children_seconds()
        chosen = WORKLOADS[workload]
        requests = TFGATE.write_questions(chosen, self._scratch / f"requests-{workload}")
        target = Target(self._gateway.url, TFGATE.path(chosen), requests)
        load = put_load(target, connections=connections, seconds=seconds)
        client = _children_seconds() - client
        calls = self._calls() - calls
        gateway_after, server_after = self._cpu()
        return Loop(
            load, calls, gateway_after - gateway_before, server_after - server_before, client
        )

    def refusal(self, seconds: int) -> float:
        """Measure what a refusal costs: the model server stands still, and the gateway is full."""
        server = self._server.program.process
        server.send_signal(signal.SIGSTOP)
        try:
            before = self._gateway.program.cpu_seconds()
            chosen = WORKLOADS["house"]
            requests = TFGATE.write_questions(chosen, self._scratch / "requests-refused")
            target = Target(self._gateway.url, TFGATE.path(chosen), requests)
            load = put_load(target, connections=2 * _BOUND, seconds=seconds)
            used = self._gateway.program.cpu_seconds() - before
        finally:
            server.send_signal(signal.SIGCONT)
        return _microseconds(used / load.failed_statuses)

    def gateway_mb(self) -> float:
        """Weigh the gateway as it is now."""
        return round(self._gateway.program.resident_bytes()[0] / 1e6)

    def series(self) -> Series:
        """Count what a scrape of the gateway holds."""
        lines = [line for line in self._metrics().splitlines() if line and line[0] != "#"]
        of = [re.search(r'model="(\w+)"', line) for line in lines]
        models = {found[1] for found in of if found} - {"unknown"}
        versions = {
            (found[1], version[1])
            for line, found in zip(lines, of, strict=True)
            if found and (version := re.search(r'version="(\d+)"', line))
        }
        num_of_versions = sum('version="' in line and _has_number(line) for line in lines)
        num_of_models = sum(bool(found and found[1] in models) for found in of) - num_of_versions
        return Series(
            base=len(lines) - num_of_models - num_of_versions,
            of_model=round(num_of_models / len(models)),
            of_version=round(num_of_versions / len(versions)),
            line_bytes=round(sum(map(len, lines)) / len(lines)),
        )

    def _metrics(self) -> str:
        return httpx.get(f"{self._gateway.url}/metrics", timeout=10).text

    def _calls(self) -> float:
        counts = re.findall(r"^tfgate_call_rows_count\{.*\} ([\d.e+]+)$", self._metrics(), re.M)
        return sum(map(float, counts))

    def _cpu(self) -> tuple[float, float]:
        return self._gateway.program.cpu_seconds(), self._server.program.cpu_seconds()


@contextmanager
def bench(scratch: Path) -> Iterator[Bench]:
    """Start both programs; this process, and the load generator, go to the second processor."""
    first, second, *_ = sorted(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {second})
        began = time.monotonic()
        with model_server(scratch) as server:
            loaded = time.monotonic()
            os.sched_setaffinity(0, {first})
            with gateway("capacity", ROOT, server.address, scratch) as front:
                ready = time.monotonic()
                os.sched_setaffinity(0, {second})
                both = Bench(server, front, scratch)
                server_mb = round(server.program.resident_bytes()[0] / 1e6)
                both.started = {
                    "server": Process(
                        start_seconds=round(loaded - began, 1), resident_mb=server_mb
                    ),
                    "gateway": Process(
                        start_seconds=round(ready - loaded, 1), resident_mb=both.gateway_mb()
                    ),
                }
                yield both
    finally:
        os.sched_setaffinity(0, before)


def _has_number(line: str) -> bool:
    return re.search(r'version="\d+"', line) is not None


def _fit(variable: list[float], values: list[float]) -> tuple[float, float]:
    """Fit a line by least squares; gives where it begins, and its slope, neither below nothing."""
    slope, begin = np.polyfit(variable, values, 1)
    return max(0.0, float(begin)), max(0.0, float(slope))


def _microseconds(seconds: float) -> float:
    return round(1e6 * seconds, 1)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
