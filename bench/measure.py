"""The rounds: one system alive at a time, every one once a round, cell by cell."""

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.disturbance import disturbance
from bench.limits import measure_limits
from bench.load import Target, put_load
from bench.processes import Ended
from bench.reference import WrongAnswer, check_answers, write_reference
from bench.results import Cell, Footprint, Results
from bench.serve import Served, serve
from bench.systems import System
from bench.workloads import WORKLOADS, Workload

CONNECTIONS = (1, 32, 128)
WARMUP_CONNECTIONS = 32


@dataclass(frozen=True)
class Matrix:
    """What is measured, and for how long each."""

    systems: list[System]
    workloads: list[str]
    rounds: int
    seconds: int
    warmup: int

    def cells(self, system: System) -> list[tuple[str, int]]:
        """List the workloads and connections of a system in one round."""
        return [
            (workload, connections)
            for workload in self.workloads
            if workload in system.workloads
            for connections in CONNECTIONS
        ]


class Measurement:
    """Measures a matrix but for what the results hold already; `failures` tells what went wrong.

    A system that does not start, or answers wrongly, costs its own cells only.
    """

    def __init__(self, matrix: Matrix, results: Results, scratch: Path, console: Console) -> None:
        self._matrix = matrix
        self._results = results
        self._scratch = scratch
        self._console = console
        self._reference = write_reference(scratch)
        columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
        self._progress = Progress(*columns, TimeRemainingColumn(), console=console)
        num_cells = sum(len(matrix.cells(system)) for system in matrix.systems)
        self._task = self._progress.add_task("measuring", total=matrix.rounds * num_cells)
        self.failures: list[str] = []

    def run(self) -> None:
        """Measure every round."""
        with self._progress:
            for number in range(1, self._matrix.rounds + 1):
                seconds = self._matrix.seconds
                measure_limits(number, self._results, self._scratch, self._console, seconds=seconds)
                for system in self._matrix.systems:
                    self._progress.update(self._task, description=f"{number}  {system.name}")
                    self._system(number, system)

    def _system(self, number: int, system: System) -> None:
        cells = self._matrix.cells(system)
        known = {
            (each.workload, each.connections)
            for each in self._results.all(Cell)
            if (each.round, each.system) == (number, system.name)
        }
        missing = [cell for cell in cells if cell not in known]
        self._progress.advance(self._task, len(cells) - len(missing))
        if not missing:
            return
        try:
            with serve(system, self._scratch) as served:
                self._cells(number, served, missing)
                self._weigh(number, served)
        except (TimeoutError, Ended) as error:
            self._fail(f"{system.name} did not stay up: {error}")

    def _cells(self, number: int, served: Served, cells: list[tuple[str, int]]) -> None:
        for name in dict.fromkeys(workload for workload, _ in cells):
            workload = WORKLOADS[name]
            chosen = [connections for each, connections in cells if each == name]
            try:
                check_answers(served.url, served.system.dialect, workload, self._reference)
            except WrongAnswer as error:
                self._fail(f"{served.system.name}, {error!r}")
                self._progress.advance(self._task, len(chosen))
                continue
            target = self._target(served, workload)
            put_load(target, connections=WARMUP_CONNECTIONS, seconds=self._matrix.warmup)
            for connections in chosen:
                self._cell(number, served, target, workload.name, connections)
                self._progress.advance(self._task)

    def _cell(
        self, number: int, served: Served, target: Target, name: str, connections: int
    ) -> None:
        began = served.program.cpu_seconds()
        with disturbance(served.programs) as disturbed:
            load = put_load(target, connections=connections, seconds=self._matrix.seconds)
        used = served.program.cpu_seconds() - began
        for program in served.programs:
            program.check()
        cell = Cell(
            system=served.system.name,
            workload=name,
            connections=connections,
            round=number,
            load=load,
            cpu_ms=1e3 * used / max(1, load.answers),
            foreign_cpu_share=disturbed.share,
        )
        self._results.add(cell)
        failures = f"  [red]{load.failures} failed[/]" if load.failures else ""
        self._console.print(
            f"{number}  {served.system.name:<18} {name:<10} {connections:>4}  "
            f"{load.good_per_second:>9,.0f}/s  p50 {load.p50_ms:8.2f}  p99 {load.p99_ms:8.2f} ms  "
            f"CPU {cell.cpu_ms:7.3f} ms  "
            f"others {disturbed.share:4.0%}{failures}"
        )

    def _weigh(self, number: int, served: Served) -> None:
        sizes = [size / 1e6 for size in served.program.resident_bytes()]
        footprint = Footprint(
            system=served.system.name,
            round=number,
            ready_seconds=served.ready_seconds,
            resident_mb=sizes,
        )
        self._results.add(footprint)

    def _target(self, served: Served, workload: Workload) -> Target:
        dialect = served.system.dialect
        requests = dialect.write_questions(workload, self._scratch / "requests")
        return Target(served.url, dialect.path(workload), requests)

    def _fail(self, what: str) -> None:
        self.failures.append(what)
        self._console.print(f"failed: {what}", style="red", markup=False)
