"""Simulated time: what is due next happens next. It knows nothing of what that is."""

import heapq
from collections import deque
from collections.abc import Callable
from typing import Any

# What a processor does once it has come to a piece of work; the seconds that it then found to do
# at once, beyond those that were known, are given back.
Work = Callable[[], float]


class Clock:
    """A queue of events by their time; those of one time happen in the order of their making."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[..., Any], tuple[Any, ...]]] = []
        self._made = 0

    def at(self, when: float, event: Callable[..., Any], *arguments: Any) -> None:
        """Have something happen."""
        self._made += 1
        heapq.heappush(self._events, (when, self._made, event, arguments))

    def run(self, until: float = float("inf")) -> None:
        """Let everything happen that is due by then."""
        events = self._events
        while events and events[0][0] <= until:
            self.now, _, event, arguments = heapq.heappop(events)
            event(*arguments)


class Processors:
    """So many processors, which take up pieces of work in the order in which those came."""

    def __init__(self, clock: Clock, number: int = 1) -> None:
        self.busy_seconds = 0.0
        self.idle = number
        self.waiting: deque[tuple[float, Work]] = deque()
        self._clock = clock

    def give(self, seconds: float, work: Work) -> None:
        """Queue a piece of work: `seconds` pass, and then it is done."""
        if self.idle:
            self.idle -= 1
            self._begin(seconds, work)
        else:
            self.waiting.append((seconds, work))

    def _begin(self, seconds: float, work: Work) -> None:
        self.busy_seconds += seconds
        self._clock.at(self._clock.now + seconds, self._end, work)

    def _end(self, work: Work) -> None:
        more = work()
        self.busy_seconds += more
        if more:
            self._clock.at(self._clock.now + more, self._next)
        else:
            self._next()

    def _next(self) -> None:
        if self.waiting:
            self._begin(*self.waiting.popleft())
        else:
            self.idle += 1
