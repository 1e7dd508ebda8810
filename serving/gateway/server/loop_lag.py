"""How late the event loop is: each turn takes what all connections have sent.

Whoever was let in waits as long for the answer. It is told, and nothing is done about it: to leave
unread for a while whom a late loop had refused, or who was new, was tried. The loop then idled
while requests waited, and answered half as many at twice the saturation.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from serving.gateway.telemetry import metrics

_LOGGER = logging.getLogger("tfgate.server")

TICK_SECONDS = 0.1
# Later than this, the loop is late. A full turn of 128 predictions takes about 15 ms; node-toobusy,
# which has been in use for this for longest, calls 70 ms too busy by default.
LATE_SECONDS = 0.07
_WORD_SECONDS = 1.0  # between two lines of the log


class LoopLag:
    """Measures how late the loop is, from `start` to `stop`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = 0.0
        self._next_word = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._due = self._clock() + TICK_SECONDS
        self._timer = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)

    def stop(self) -> None:
        """End it."""
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        now = self._clock()
        lag = max(0.0, now - self._due)
        metrics.LOOP_LAG.set(lag)
        if lag > LATE_SECONDS and now >= self._next_word:
            self._next_word = now + _WORD_SECONDS
            message = "the event loop is %.0f ms late: it reads more than it can answer"
            _LOGGER.warning(message, 1e3 * lag)
        self.start()
