"""One system at a time, with the model server that it needs: started, ready, checked, weighed."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench.ask import GRPC, NoAnswer, ask
from bench.dialects import Dialect
from bench.model_server import model_server
from bench.processes import Program, running
from bench.repository import repository
from bench.stack import free_port, wait_until
from bench.systems import System
from bench.workloads import ALL_WORKLOADS

READY_SECONDS = 120


@dataclass(frozen=True)
class Served:
    """A system that has given its first good answer."""

    system: System
    url: str
    grpc_url: str
    program: Program
    programs: tuple[Program, ...]  # with the model server's
    model_server: str  # host:port, empty if it needs none
    ready_seconds: float = 0

    def asked_in(self, dialect: Dialect) -> str:
        """Say where a dialect is answered."""
        return self.grpc_url if dialect.over_grpc else self.url


@contextmanager
def serve(system: System, scratch: Path) -> Iterator[Served]:
    """Run a system as long as the context lasts; yields after its first good answer."""
    port = free_port()
    spare_port = free_port()
    places = {"port": port, "spare_port": spare_port, "model_server": ""}
    places["repository"] = str(repository(scratch))
    with ExitStack() as stack:
        started = time.monotonic()
        programs = []
        if system.needs_model_server:
            rest_port = None if system.command else port
            server = stack.enter_context(model_server(scratch, rest_port=rest_port))
            programs.append(server.program)
            places["model_server"] = server.address
        if system.command:
            started = time.monotonic()
            command = [part.format(**places) for part in system.command]
            environment = {
                name: value.format(**places) for name, value in system.environment.items()
            }
            log = scratch / "logs" / f"{system.name}.log"
            programs.insert(0, stack.enter_context(running(command, environment, log)))
        served = Served(
            system=system,
            url=f"http://127.0.0.1:{port}",
            grpc_url=f"{GRPC}127.0.0.1:{spare_port}",
            program=programs[0],
            programs=tuple(programs),
            model_server=str(places["model_server"]),
        )
        _wait_for_an_answer(served)
        yield replace(served, ready_seconds=time.monotonic() - started)


def _wait_for_an_answer(served: Served) -> None:
    system = served.system
    workload = ALL_WORKLOADS[system.workloads[0]]
    url = served.asked_in(system.dialect)
    path, question = system.dialect.path(workload), system.dialect.questions(workload)[0]

    def answers() -> bool:
        for program in served.programs:
            program.check()
        try:
            ask(url, path, question, seconds=10)
        except NoAnswer:
            return False
        return True

    wait_until(answers, f"the first answer of {system.title}", READY_SECONDS)
