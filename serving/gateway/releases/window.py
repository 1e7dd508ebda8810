"""What was counted of both sides lately: slices of time, the oldest of which is forgotten."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from serving.gateway.releases.answer_bins import NUM_BINS
from serving.gateway.releases.bounds import EDGES, Counts

SLICES = 60  # of a window


@dataclass
class Tally:
    """Counts of one side. Of several rows in one request each counts for its part of one."""

    requests: float = 0
    failed: float = 0
    seconds: Counts = field(default_factory=lambda: np.zeros(len(EDGES) + 1))  # of the answered
    answers: Counts = field(default_factory=lambda: np.zeros(NUM_BINS))
    num_numbers: float = 0
    sum_of_numbers: float = 0
    compared: float = 0
    disagreement: float = 0
    compared_rows: float = 0
    disagreeing_rows: float = 0
    labels_known: float = 0
    wrong: float = 0
    numbers_known: float = 0
    squared_errors: float = 0
    squares_of_those: float = 0

    def add(self, other: "Tally") -> None:
        """Count what another has counted as well."""
        for each in _NAMES:
            setattr(self, each, getattr(self, each) + getattr(other, each))

    def without(self, other: "Tally") -> "Tally":
        """Return the counts less those of a part of them."""
        return Tally(**{each: getattr(self, each) - getattr(other, each) for each in _NAMES})


_NAMES = [each.name for each in fields(Tally)]


class Pair(NamedTuple):
    """Both sides' tallies; a request's route names the one that is its own."""

    stable: Tally
    candidate: Tally


def _pair() -> Pair:
    return Pair(Tally(), Tally())


class Window:
    """The last slices of time; the newest is still open."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self.slice_seconds = seconds / SLICES
        self._clock = clock
        self._slices = deque((_pair() for _ in range(SLICES)), maxlen=SLICES)
        self._ends = clock() + self.slice_seconds
        self.num_over = 0  # slices so far

    @property
    def open(self) -> Pair:
        return self._slices[-1]

    def move(self) -> None:
        """Open the slice that is now; those that came and went in between were empty."""
        num_over = math.floor((self._clock() - self._ends) / self.slice_seconds) + 1
        if num_over > 0:
            self.num_over += num_over
            self._ends += num_over * self.slice_seconds
            self._slices.extend(_pair() for _ in range(min(num_over, SLICES)))

    def total(self) -> Pair:
        """Sum up the window."""
        total = _pair()
        for each in self._slices:
            total.stable.add(each.stable)
            total.candidate.add(each.candidate)
        return total

    def without_neighbours(self, total: Pair) -> Iterator[Pair]:
        """Sum up the window without two slices that follow one another, the newest two first."""
        for one, next_one in pairwise(reversed(self._slices)):
            yield Pair(
                total.stable.without(one.stable).without(next_one.stable),
                total.candidate.without(one.candidate).without(next_one.candidate),
            )
