"""Whether there is time for what nobody waits for: in the event loop, and at the model server.

A loop is busy when its thread has hardly slept: what it ran, and what it waited for a processor
that others had. Linux tells both of each thread; elsewhere only the first is known. The model
server is busy when requests wait for a place in a call for longer than a part of what calls take.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

from serving.gateway.inference.concurrency_limit import ConcurrencyLimit

_SCHEDULE = Path("/proc/thread-self/schedstat")  # nanoseconds run, nanoseconds waited, times
# Of the time; the loop's turns are short enough then for half of a model's requests to find it
# idle.
BUSY_SHARE = 0.6
_WINDOW_SECONDS = 0.1
# Of the time until an answer comes, waiting for a place in a call.
_WAITING_SHARE = 0.3


def seconds_wanted() -> Callable[[], float]:
    """Return what tells how long this thread has run or wanted to; to be called in that thread."""
    try:
        file = os.open(_SCHEDULE, os.O_RDONLY)
    except OSError:
        return time.thread_time

    def read() -> float:
        ran, waited, _ = os.pread(file, 64, 0).split()
        return 1e-9 * (int(ran) + int(waited))

    return read


class SpareTime:
    """What one process has; asked for each request, it looks ten times a second."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        wanted: Callable[[], Callable[[], float]] = seconds_wanted,
    ) -> None:
        self._clock = clock
        self._begin = wanted
        self._wanted: Callable[[], float] | None = None
        self._looked = self._before = 0.0
        self._is_busy = False

    def is_lacking(self, limit: ConcurrencyLimit) -> bool:
        """Tell whether the loop is busy, or the model that has this limit."""
        now = self._clock()
        if now - self._looked >= _WINDOW_SECONDS:
            self._look(now)
        return self._is_busy or limit.waiting_share > _WAITING_SHARE or 2 * limit.room < limit.limit

    def _look(self, now: float) -> None:
        if self._wanted is None:
            self._wanted = self._begin()
            self._before, self._looked = self._wanted(), now
            return
        wanted = self._wanted()
        self._is_busy = wanted - self._before > BUSY_SHARE * (now - self._looked)
        self._before, self._looked = wanted, now
