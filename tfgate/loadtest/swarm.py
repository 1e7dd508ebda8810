"""A running locust: in a process of its own, for it changes how all of Python waits."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from tfgate.children import mortal
from tfgate.loadtest.counts import PIPE_VARIABLE, Counts
from tfgate.loadtest.errors import LocustFailed
from tfgate.loadtest.load_test import PACKAGES, STOP_SECONDS, LoadTest, locust_command

START_SECONDS = 60  # it takes two; a busy machine more
REQUESTS_FAILED = 1  # locust's exit code where only requests failed


@dataclass(frozen=True)
class Swarm:
    """locust with all its users."""

    process: subprocess.Popen[bytes]
    pipe: IO[str]
    log: IO[bytes]

    def counts(self) -> Iterator[Counts]:
        """Yield all that it has counted so far, about once a second until it ends."""
        for line in self.pipe:
            yield Counts.model_validate_json(line)

    def stop(self) -> None:
        """Let the users finish what they are waiting for, and then go."""
        self.process.send_signal(signal.SIGINT)

    def check_end(self) -> None:
        """Wait until it has ended.

        Raises:
            LocustFailed: by another reason than that its time was over.
        """
        if self.process.wait() not in (0, REQUESTS_FAILED):
            raise self.failure()

    def failure(self) -> LocustFailed:
        """Quote its last words."""
        self.log.seek(0)
        lines = self.log.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        return LocustFailed(f"locust ended with code {self.process.wait()}: {last.strip()}")


@contextmanager
def swarm(test: LoadTest, models: Iterable[str]) -> Iterator[Swarm]:
    """Run locust as long as the context lasts, and never much longer than it may last.

    It gets a session of its own: a Ctrl-C then reaches only us.
    """
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as log, os.fdopen(reading) as pipe:
        process = subprocess.Popen(  # noqa: S603  # the command is ours
            mortal(locust_command(test, models)),
            stdout=log,
            stderr=log,
            cwd=PACKAGES,
            env={**os.environ, **_environment(test, writing)},
            pass_fds=[writing],
            start_new_session=True,
        )
        os.close(writing)
        longest = START_SECONDS + test.seconds + STOP_SECONDS
        watchdog = threading.Timer(longest, process.kill)
        watchdog.start()
        try:
            yield Swarm(process, pipe, log)
        finally:
            watchdog.cancel()
            process.kill()
            process.wait()


def _environment(test: LoadTest, pipe: int) -> dict[str, str]:
    """Tell locust what belongs to no command line, for others could read it there."""
    key = {} if test.gateway.key is None else {"TFGATE_API_KEY": test.gateway.key}
    return {PIPE_VARIABLE: str(pipe), **key}
