"""Programs and all that they start: run, watched, weighed and ended together."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.stack import ROOT

STOP_SECONDS = 20


class Ended(Exception):
    """A program ended although nobody asked it to."""


@dataclass(frozen=True)
class Program:
    """A running program; its children count as part of it."""

    process: psutil.Popen
    log: Path

    def check(self) -> None:
        """Raise Ended unless it still runs; the message has its last words."""
        if self.process.poll() is not None:
            words = self.log.read_text(errors="replace")[-2000:]
            message = f"exit code {self.process.returncode}; {self.log} ends with:\n{words}"
            raise Ended(message)

    def tree(self) -> list[psutil.Process]:
        """List the program and everything it has started."""
        return [self.process, *self.process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Tell how much processor time the tree has used so far."""
        times = [process.cpu_times() for process in self.tree()]
        return sum(each.user + each.system for each in times)

    def resident_bytes(self) -> list[int]:
        """Weigh each process of the tree: resident set sizes, the largest first."""
        sizes = []
        for process in self.tree():
            try:
                sizes.append(process.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        return sorted(sizes, reverse=True)


@contextmanager
def running(
    command: list[str], environment: Mapping[str, str], log: Path, folder: Path = ROOT
) -> Iterator[Program]:
    """Run a program as long as the context lasts; afterwards nothing of its tree is left."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        process = psutil.Popen(
            command,
            cwd=folder,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        program = Program(process, log)
        try:
            yield program
        finally:
            _stop(program)


def output_of(module: str, *arguments: str, log: Path) -> bytes:
    """Run a module to its end and give what it prints; its complaints go to the log.

    Raises:
        CalledProcessError: it failed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as complaints:
        return subprocess.check_output(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stderr=complaints,
            timeout=600,
        )


def _stop(program: Program) -> None:
    """Ask the leader to end, and kill whatever of its tree has not gone in time."""
    if program.process.poll() is not None:
        return
    tree = program.tree()
    program.process.terminate()
    _, alive = psutil.wait_procs(tree, timeout=STOP_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=STOP_SECONDS)
