"""Child processes that live and die together; knows nothing of what they run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STOP_SECONDS = 30  # a little more than the gateway's grace
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class ChildDied(Exception):
    """A child ended although nobody asked it to."""


@dataclass(frozen=True)
class Child:
    """A running program under the name that people know it by."""

    name: str
    process: subprocess.Popen[bytes]

    def check(self) -> None:
        """Raise ChildDied unless the program still runs."""
        status = self.process.poll()
        if status is None:
            return
        ended = f"was killed by signal {-status}" if status < 0 else f"exited with code {status}"
        message = f"{self.name} {ended}; its own last words are above."
        raise ChildDied(message)

    def stop(self) -> None:
        """Ask the program to end; kill it if it does not in time."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def mortal(command: list[str]) -> list[str]:
    """Say how to run a program so that it ends with us, however we end; on Linux alone."""
    become = [sys.executable, "-I", "-S", str(Path(__file__).with_name("mortal.py"))]
    return [*become, str(os.getpid()), *command]


@contextmanager
def running(name: str, command: list[str], environment: Mapping[str, str]) -> Iterator[Child]:
    """Run a program, in this environment and no other, as long as the context lasts.

    It gets a session of its own: a Ctrl-C then reaches only us, and we stop the children in order.
    """
    process = subprocess.Popen(  # noqa: S603  # the command is ours
        mortal(command), env=environment, start_new_session=True
    )
    child = Child(name, process)
    try:
        yield child
    finally:
        child.stop()


@contextmanager
def stoppable() -> Iterator[None]:
    """Turn the first of `STOP_SIGNALS` into KeyboardInterrupt, as Ctrl-C is; ignore the others."""

    def interrupt(_number: int, _frame: object) -> None:
        # A second Ctrl-C must not cut the orderly stop short.
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    for number, handler in before.items():
        # Under nohup, a closed terminal is meant to be ignored.
        if number != signal.SIGHUP or handler != signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watch(
    children: list[Child], each_second: Callable[[], None], *, poll_seconds: float = 0.2
) -> None:
    """Wait until a child ends, and do something each second meanwhile.

    Raises:
        ChildDied: one did.
    """
    due = time.monotonic()
    while True:
        for child in children:
            child.check()
        if time.monotonic() >= due:
            each_second()
            due = time.monotonic() + 1
        time.sleep(poll_seconds)
