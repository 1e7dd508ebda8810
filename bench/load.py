"""The closed loop: some requests at once, each followed by the next, and what came of them.

wrk asks over HTTP. It corrects its percentiles for coordinated omission: a request that could not
be sent because the one before it hung is counted with the time that it would have waited. gRPC is
asked by h2load, which is as light, but does not correct them, sends one and the same message, and
knows statuses of HTTP alone: a call that failed has an answer without a message.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from pydantic import BaseModel

from bench.ask import GRPC, ask
from bench.questions import Question, first_body

_SCRIPT = Path(__file__).with_name("wrk.lua")
TIMEOUT_SECONDS = 20  # of one request
# Calls share connections as those of several clients do.
_GRPC_CONNECTIONS = 4
_FRAME_BYTES = 5  # of gRPC, before each message


class NoLoadGenerator(Exception):
    """A program that generates the load is not installed."""


class Load(BaseModel):
    """What one run measured; latencies in milliseconds."""

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
    """What is asked: where, and with which requests, in a file as `questions.py` writes it."""

    url: str
    path: str
    requests: Path


def put_load(target: Target, *, connections: int, seconds: int) -> Load:
    """Ask as fast as the answers come, with so many requests at once.

    Raises:
        NoLoadGenerator: wrk, or h2load for gRPC, is not installed.
    """
    if target.url.startswith(GRPC):
        return _put_calls(target, calls=connections, seconds=seconds)
    command = [
        *(_program("wrk", package="wrk"), "--threads=1"),
        *(f"--connections={connections}", f"--duration={seconds}s"),
        *(f"--timeout={TIMEOUT_SECONDS}s", f"--script={_SCRIPT}", target.url, "--"),
        *(target.path, str(target.requests)),
    ]
    return parse(_output(command, seconds))


def parse(output: str) -> Load:
    """Read what the script prints after wrk's own report: one line of JSON."""
    return Load.model_validate_json(output.strip().splitlines()[-1])


def _put_calls(target: Target, *, calls: int, seconds: int) -> Load:
    message = first_body(target.requests)
    answer = ask(target.url, target.path, Question(message), seconds=TIMEOUT_SECONDS).body
    connections = min(_GRPC_CONNECTIONS, calls)
    with TemporaryDirectory() as folder:
        body, log = Path(folder) / "body", Path(folder) / "log"
        body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        command = [
            *(_program("h2load", package="nghttp2-client"), "--threads=1"),
            *(f"--clients={connections}", f"--max-concurrent-streams={calls // connections}"),
            *(f"--duration={seconds}", f"--data={body}", f"--log-file={log}"),
            *("--header=content-type: application/grpc", "--header=te: trailers"),
            f"http://{target.url.removeprefix(GRPC)}{target.path}",
        ]
        output = _output(command, seconds)
        return parse_calls(output, log.read_text(), len(answer) + _FRAME_BYTES, seconds)


def parse_calls(output: str, log: str, answer_bytes: int, seconds: float) -> Load:
    """Read what h2load prints, and its log: a line a call, whose third column is microseconds."""
    counted = {
        what: int(count) for count, what in re.findall(r"(\d+) (done|errored|timeout)", output)
    }
    data = re.search(r"\((\d+)\) data", output)
    num_messages = int(data[1]) // answer_bytes if data else 0
    milliseconds = np.array([int(line.split("\t")[2]) / 1e3 for line in log.splitlines()] or [0.0])
    p50, p99 = np.percentile(milliseconds, [50, 99])
    return Load(
        answers=counted["done"],
        seconds=seconds,
        failed_statuses=max(0, counted["done"] - num_messages),
        broken_connections=counted["errored"],
        timeouts=counted["timeout"],
        p50_ms=float(p50),
        p99_ms=float(p99),
    )


def _program(name: str, *, package: str) -> str:
    found = shutil.which(name)
    if found is None:
        message = f"{name} is not on the PATH; Debian's package {package} has it"
        raise NoLoadGenerator(message)
    return found


def _output(command: list[str], seconds: int) -> str:
    return subprocess.check_output(command, text=True, timeout=seconds + 2 * TIMEOUT_SECONDS)
