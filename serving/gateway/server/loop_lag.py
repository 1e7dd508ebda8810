"""How late the event loop is, and whom it lets wait for that: the kernel's queue holds the rest.

A loop that is late has more to read than it can answer. Each turn takes what all connections have
sent, and whoever was let in waits as long for the answer. What is not read costs nothing: so a
connection that has just been refused, or has just been opened, is left unread for a while. Neither
asyncio nor uvloop can leave a connection in the listener's queue without closing the listener.
"""

import asyncio
import logging
import time
from collections.abc import Callable

from serving.gateway.telemetry import metrics

_LOGGER = logging.getLogger("tfgate.server")

# How often it is measured: some times within the shortest rest.
TICK_SECONDS = 0.02
# Later than this, the loop is late. A full turn of 128 predictions takes about 15 ms; node-toobusy,
# which has been in use for this for longest, refuses at 70 ms by default.
LATE_SECONDS = 0.07
# Who rests does so for so many times the lag: reading then takes a fifth of the time at most ...
_RESTS = 4
# ... but for no longer than half of what Kubernetes' probes, who are new here, wait by default.
MAX_REST_SECONDS = 0.5
_WORD_SECONDS = 1.0  # between two lines of the log


class LoopLag:
    """Measures how late the loop is, from `start` to `stop`, and says how long to rest for it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.rest_seconds = 0.0
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
        self.rest_seconds = 0.0

    def _tick(self) -> None:
        now = self._clock()
        lag = max(0.0, now - self._due)
        metrics.LOOP_LAG.set(lag)
        self.rest_seconds = min(_RESTS * lag, MAX_REST_SECONDS) if lag > LATE_SECONDS else 0.0
        if self.rest_seconds and now >= self._next_word:
            self._next_word = now + _WORD_SECONDS
            _LOGGER.warning(
                "the event loop is %.0f ms late: who is refused or new is read again after %.0f ms",
                *(1e3 * lag, 1e3 * self.rest_seconds),
            )
        self.start()
