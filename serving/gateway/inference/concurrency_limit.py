"""How many requests of a model may be inside: an adaptive limit.

A limit follows the latency of the model server with the gradient algorithm: it shrinks while
requests wait longer than they should, and grows while they do not and it is used up. A call that
carries many rows takes longer, so latency at rest would be the wrong measure; but here the queue is
the gateway's own, and every call shows both numbers: how long its rows waited for it, and how long
it then took.

Source: the gradient controller of Envoy's adaptive concurrency filter and of Netflix's
concurrency-limits, "Performance Under Load", 2018: limit = gradient * limit + sqrt(limit), where
gradient = (latency without queue + buffer) / latency, between 0.5 and 1.
"""

import logging
import time
from math import sqrt
from types import TracebackType

from serving.errors import Overloaded
from serving.gateway.telemetry import metrics

_LOGGER = logging.getLogger("tfgate.admission")

BUFFER_SECONDS = 0.25  # of waiting that hardly anybody minds; most bursts are over by then
MIN_LIMIT = 8.0  # enough to see that the model server is well again
WINDOW_CALLS = 20  # calls that are judged together


class ConcurrencyLimit:
    """The adaptive limit of one model; a context that any number of requests are inside of.

    `room` says how many more may come inside: none, or less, if it is full; the limit never exceeds
    `max_limit`. `waiting_share` is the part of the time that requests have waited for a call of
    late.
    """

    def __init__(self, model: str, *, max_limit: int) -> None:
        self.model = model
        self.max_limit = max_limit
        self._gauge = metrics.LIMIT.labels(model)
        self._inside = self._most_inside = 0
        self.room = max_limit
        self._limit = 0.0
        self._calls = 0
        self._waited = self._took = 0.0
        self.waiting_share = 0.0
        self._shed = {reason: metrics.SHED.labels(model, reason) for reason in metrics.SHED_REASONS}
        self._refused = 0
        self._next_word = 0.0
        self._set(max_limit)

    @property
    def limit(self) -> int:
        """How many requests may be inside."""
        return int(self._limit)

    @property
    def inside(self) -> int:
        """How many requests are inside."""
        return self._inside

    def __enter__(self) -> None:
        """Count a request as inside.

        Raises:
            Overloaded: there are too many already.
        """
        if self.room <= 0:
            self.count_refusal(metrics.SHED_BY_LIMIT)
            raise self.overloaded()
        self._inside += 1
        self.room -= 1
        self._most_inside = max(self._most_inside, self._inside)

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._inside -= 1
        self.room += 1

    def overloaded(self) -> Overloaded:
        """Build the error that a refused request is told."""
        return Overloaded(f"{self.model} is being asked more than can be answered soon")

    def count_refusal(self, reason: str) -> None:
        """Count a request that is refused, and sum up in the log, once a second, how many were.

        `reason` is one of metrics.SHED_REASONS.
        """
        self._shed[reason].inc()
        self._refused += 1
        now = time.monotonic()
        if now >= self._next_word:
            _LOGGER.warning(
                "%s sheds load: %d refused with %d inside; the limit is %d",
                *(self.model, self._refused, self._inside, self.limit),
            )
            self._refused, self._next_word = 0, now + 1

    def observe(self, waited_seconds: float, took_seconds: float) -> None:
        """Learn from a call: how long its rows waited on average, and how long it then took."""
        share = waited_seconds / ((waited_seconds + took_seconds) or 1)
        self.waiting_share += (share - self.waiting_share) / WINDOW_CALLS
        self._calls += 1
        self._waited += waited_seconds
        self._took += took_seconds
        if self._calls == WINDOW_CALLS:
            without_queue = self._took + BUFFER_SECONDS * self._calls
            gradient = without_queue / (self._waited + self._took)
            # A limit that was not in the way has not been tried: it must not grow.
            headroom = sqrt(self._limit) if self._most_inside >= self._limit / 2 else 0.0
            self._set(min(1.0, max(0.5, gradient)) * self._limit + headroom)
            self._begin_window()

    def back_off(self) -> None:
        """Learn that a call did not come back in time."""
        self._set(self._limit / 2)
        self._begin_window()

    def _begin_window(self) -> None:
        self._calls = 0
        self._waited = self._took = 0.0
        self._most_inside = self._inside

    def _set(self, limit: float) -> None:
        self._limit = min(float(self.max_limit), max(MIN_LIMIT, limit))
        self.room = self.limit - self._inside
        self._gauge.set(self.limit)
