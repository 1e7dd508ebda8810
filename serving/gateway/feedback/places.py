"""Where in a file each answer is, by what it is asked for with: in memory, made when truths come.

An index in the file would cost each answer more than all else that is done to record it: 5 µs of
CPU in an empty file, 11 to 16 among 500,000 others, for each lands on a page of its own. Here an
answer takes 16 bytes and below 1 µs, and only where somebody asks for answers.
"""

from array import array
from collections.abc import Hashable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

_Integers = NDArray[np.int64]


class Places:
    """Places by the hashes of keys, which may be the same for two: see what is there."""

    def __init__(self) -> None:
        # Each is ordered by hash, then by age, and at least twice as long as the next.
        self._runs: list[tuple[_Integers, _Integers]] = []
        self._hashes, self._places = array("q"), array("q")

    def add(self, keys: Iterable[Hashable], places: Iterable[int]) -> None:
        """Add places newer than all before; they are found after `settle`."""
        self._hashes.extend(map(hash, keys))
        self._places.extend(places)

    def settle(self, oldest: int) -> None:
        """Put what was added in order; older places than `oldest` may be forgotten."""
        if not self._hashes:
            return
        hashes = np.array(self._hashes, np.int64)  # [place]
        places = np.array(self._places, np.int64)  # [place]
        self._hashes, self._places = array("q"), array("q")
        while self._runs and len(self._runs[-1][0]) < 2 * len(hashes):
            before = self._runs.pop()
            there = before[1] >= oldest
            hashes = np.concatenate((before[0][there], hashes))
            places = np.concatenate((before[1][there], places))
        order = hashes.argsort(kind="stable")
        self._runs.append((hashes[order], places[order]))

    def newest(self, key: Hashable) -> Iterator[int]:
        """Yield where the key may be, the newest place first."""
        wanted = np.int64(hash(key))
        for hashes, places in reversed(self._runs):
            first = int(hashes.searchsorted(wanted))
            after = int(hashes.searchsorted(wanted, side="right"))
            for number in range(after - 1, first - 1, -1):
                yield int(places[number])
