"""What was counted of late: rows by bin, in slices of time, of which the oldest are forgotten."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

SLICE_SECONDS = 600
DAY = 86_400
NUM_SLICES = DAY // SLICE_SECONDS


class Window:
    """The counts of one quantity of one version, int64[bin] a slice."""

    def __init__(self, num_bins: int, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._slices = np.zeros((NUM_SLICES, num_bins), np.int64)
        self._newest = self._number()

    def add(self, counts: NDArray[np.int64]) -> None:
        """Count rows now."""
        self._move()
        self._slices[self._newest % NUM_SLICES] += counts

    def total(self, seconds: float) -> NDArray[np.int64]:
        """Give the counts of the last so many seconds, in whole slices, int64[bin]."""
        self._move()
        num = min(NUM_SLICES, max(1, round(seconds / SLICE_SECONDS)))
        # The one that is not over counts as well: there are no more rows in all than there were.
        wanted = (
            np.arange(self._newest - num, self._newest + 1) if num < NUM_SLICES else slice(None)
        )
        rows = self._slices[wanted % NUM_SLICES] if isinstance(wanted, np.ndarray) else self._slices
        total: NDArray[np.int64] = rows.sum(axis=0)
        return total

    def slices(self) -> list[tuple[float, NDArray[np.int64]]]:
        """Give when each slice began, in seconds since 1970, and its counts; the oldest first."""
        self._move()
        numbers = range(self._newest - NUM_SLICES + 1, self._newest + 1)
        return [
            (float(number * SLICE_SECONDS), self._slices[number % NUM_SLICES].copy())
            for number in numbers
        ]

    def _number(self) -> int:
        return int(self._clock() // SLICE_SECONDS)

    def _move(self) -> None:
        """Begin the slice that it is time for; what is older than a day makes room."""
        now = self._number()
        for number in range(max(self._newest + 1, now - NUM_SLICES + 1), now + 1):
            self._slices[number % NUM_SLICES] = 0
        # A clock that was set back goes on in the slice where it was.
        self._newest = max(self._newest, now)
