"""The closed loop: wrk keeps a number of connections busy and tells what it measured.

wrk corrects its percentiles for coordinated omission: a request that could not be sent because the
one before it hung is counted with the time that it would have waited.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

_SCRIPT = Path(__file__).with_name("wrk.lua")
TIMEOUT_SECONDS = 20  # of one request


class NoLoadGenerator(Exception):
    """A program that generates the load is not installed."""


class Load(BaseModel):
    """What one run of wrk measured; latencies in milliseconds."""

    answers: int
    seconds: float
    failed_statuses: int
    broken_connections: int
    timeouts: int
    p50_ms: float
    p99_ms: float

    @property
    def good_per_second(self) -> float:
        """Good answers a second."""
        return (self.answers - self.failed_statuses) / self.seconds

    @property
    def failures(self) -> int:
        """Requests that got no good answer."""
        return self.failed_statuses + self.broken_connections + self.timeouts


@dataclass(frozen=True)
class Target:
    """What is asked: where, and with which bodies, one a line."""

    url: str
    path: str
    bodies: Path


def put_load(target: Target, *, connections: int, seconds: int) -> Load:
    """Ask as fast as the answers come, over so many connections.

    Raises:
        NoLoadGenerator: wrk is not installed.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        message = "wrk is not on the PATH; Debian's package of that name has it"
        raise NoLoadGenerator(message)
    command = [
        *(wrk, "--threads=1", f"--connections={connections}", f"--duration={seconds}s"),
        *(f"--timeout={TIMEOUT_SECONDS}s", f"--script={_SCRIPT}", target.url, "--"),
        *(target.path, str(target.bodies)),
    ]
    output = subprocess.check_output(command, text=True, timeout=seconds + 2 * TIMEOUT_SECONDS)
    return parse(output)


def parse(output: str) -> Load:
    """Read what the script prints after wrk's own report: one line of JSON."""
    return Load.model_validate_json(output.strip().splitlines()[-1])
