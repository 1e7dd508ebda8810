"""The open loop: a constant rate of requests whatever comes back, and what became of each.

`open_loop.c` sends them; this file compiles it, and judges its records of every single request.
"""

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from bench.load import NoLoadGenerator, Target

_SOURCE = Path(__file__).with_suffix(".c")
# One `struct request` of open_loop.c; times in seconds.
RECORD = np.dtype(
    [("due", "f8"), ("sent", "f8"), ("finished", "f8"), ("status", "i4"), ("waited", "i4")]
)
UNSENT, TIMED_OUT, BROKEN = 0, -2, -3
# The generator kept the rate if it was no later than this, and sent nearly all.
_TOLERATED_LATENESS_MS = 10
_NEARLY_ALL = 0.99


class Latencies(BaseModel):
    """Of the requests that were answered with one status, from the moment each was due."""

    count: int
    p50_ms: float
    p99_ms: float
    max_ms: float


class OpenLoop(BaseModel):
    """What became of the requests at one rate.

    `kept_rate` is false if the generator could not send what it was to send, because it was late
    itself or because every allowed connection was busy: the offered load was then less than it
    says, and the curve must not be read there.
    """

    offered_per_second: float
    sent_per_second: float
    good_per_second: float  # answers 200 that came within the time measured
    statuses: dict[int, Latencies]
    timed_out: int
    broken: int
    unsent: int
    waited_for_connection: int
    lateness_p99_ms: float  # of requests that found a free connection
    kept_rate: bool

    def outcomes(self) -> dict[str, int]:
        """Count every way in which a request ended."""
        ends = {str(status): each.count for status, each in self.statuses.items()}
        ends |= {"timed out": self.timed_out, "connection broken": self.broken}
        return {
            name: count for name, count in (ends | {"never sent": self.unsent}).items() if count
        }


def compile_generator(folder: Path) -> Path:
    """Compile the generator unless that is done; give the program's path.

    Raises:
        NoLoadGenerator: there is no C compiler.
    """
    program = folder / "open_loop"
    if program.exists() and program.stat().st_mtime >= _SOURCE.stat().st_mtime:
        return program
    compiler = shutil.which("cc")
    if compiler is None:
        message = "cc is not on the PATH; Debian's package build-essential has it"
        raise NoLoadGenerator(message)
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([compiler, "-O2", "-std=c11", "-o", program, _SOURCE], check=True)
    return program


def offer(
    program: Path, target: Target, *, rate: float, seconds: float, warmup: float, connections: int
) -> OpenLoop:
    """Offer `rate` requests a second; the first `warmup` seconds are sent but not counted."""
    timeout = 5.0
    place = urlsplit(target.url)
    command = [
        *(str(program), str(place.hostname), str(place.port), target.path, str(target.requests)),
        *(f"{rate:.6f}", f"{warmup + seconds:.6f}", str(connections), f"{timeout:g}"),
    ]
    output = subprocess.check_output(command, timeout=warmup + seconds + 2 * timeout + 10)
    return judge(np.frombuffer(output, RECORD), warmup=warmup, seconds=seconds)


def judge(records: NDArray[Any], *, warmup: float, seconds: float) -> OpenLoop:
    """Count what became of the requests that were due after the warm-up."""
    measured = records[records["due"] >= warmup]
    end = warmup + seconds
    status, finished, due = measured["status"], measured["finished"], measured["due"]
    good = (status == 200) & (finished <= end)
    sent = measured[status != UNSENT]
    at_once = sent[sent["waited"] == 0]
    num_sent_in_time = int(np.count_nonzero(sent["sent"] <= end))
    lateness = _percentile(1e3 * (at_once["sent"] - at_once["due"]), 99)
    counts = Counter(status.tolist())
    return OpenLoop(
        offered_per_second=len(measured) / seconds,
        sent_per_second=num_sent_in_time / seconds,
        good_per_second=np.count_nonzero(good) / seconds,
        statuses={
            code: _latencies(1e3 * (finished - due)[status == code])
            for code in sorted(counts)
            if code > 0
        },
        timed_out=counts[TIMED_OUT],
        broken=counts[BROKEN],
        unsent=counts[UNSENT],
        waited_for_connection=int(np.count_nonzero(measured["waited"])),
        lateness_p99_ms=lateness,
        kept_rate=lateness <= _TOLERATED_LATENESS_MS
        and num_sent_in_time >= _NEARLY_ALL * len(measured),
    )


def _latencies(milliseconds: NDArray[Any]) -> Latencies:
    return Latencies(
        count=len(milliseconds),
        p50_ms=_percentile(milliseconds, 50),
        p99_ms=_percentile(milliseconds, 99),
        max_ms=_percentile(milliseconds, 100),
    )


def _percentile(values: NDArray[Any], percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else 0.0
