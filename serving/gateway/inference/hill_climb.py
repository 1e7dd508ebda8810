"""Which of a row of settings pays most, found by trying its neighbours while all goes on.

The setting in use is compared with the next one up or down, and then measured once more itself, so
that what has changed meanwhile is not taken for a gain. What pays more is kept, and the next in
that direction follows; what does not is left at once, and the more often that happens the rarer it
is tried, so that a summit costs little. Upward the strides get longer, and a plain
gain is believed at once; downward they do not: a setting far too low would let a backlog grow.
When what the setting in use pays changes much by itself, the world has changed, and the search
begins again.

Source: stochastic hill climbing as in J. L. Hellerstein et al., "Applying Control Theory in the
Real World: Experience with Building a Controller for the .NET Thread Pool", 2009; neighbours alone
suffice where there is one summit: R. Combes and A. Proutière, "Unimodal Bandits", ICML 2014.
"""

from bisect import bisect_left
from collections.abc import Sequence

_GAIN = 1.08  # of a neighbour that is worth a move
_PLAIN_GAIN = 1.5  # that needs no second look
_CHANGE = 2.0  # of the setting in use, that no noise explains
_LONGEST_STRIDE = 4
_LONGEST_REST = 16  # windows between two trials: they cost a seventeenth of what a trial loses


class HillClimb:
    """The search among `settings`, which ascend; `setting` is the one to be used now."""

    def __init__(self, settings: Sequence[int], start: int) -> None:
        self._settings = settings
        self._home = self._at = start
        self._score = 0.0  # of home; 0 before it is known
        self._trial: tuple[int, float] | None = None  # what was tried last, and its score
        self._direction = self._stride = 1
        self._rest = self._rested = 0

    @property
    def setting(self) -> int:
        """What is to be used."""
        return self._settings[self._at]

    def observe(self, score: float, *, most: int) -> None:
        """Learn what the setting in use has paid, and choose the next to be used.

        Settings above `most` would have been the same as that.
        """
        if self._at != self._home:
            if self._direction > 0 and score > self._score * _PLAIN_GAIN:
                self._move(self._at, score, most)
            else:
                self._trial = self._at, score
                self._at = self._home
        elif self._trial is not None:
            at, tried = self._trial
            self._trial = None
            if tried > _GAIN * (self._score * score) ** 0.5:
                self._move(at, tried, most)
            else:
                self._score = (self._score + score) / 2
                self._direction, self._stride = -self._direction, 1
                self._rest = min(max(1, 2 * self._rest), _LONGEST_REST)
        else:
            self._stay(score, most)

    def fall_back(self) -> None:
        """Go far down: what is used does harm."""
        self._home = self._at = max(0, self._at - _LONGEST_STRIDE)
        self._score, self._trial, self._direction = 0.0, None, 1
        self._rest, self._rested = _LONGEST_REST, 0

    def _move(self, at: int, score: float, most: int) -> None:
        self._home, self._score = at, score
        self._rest = self._rested = 0
        self._stride = min(2 * self._stride, _LONGEST_STRIDE) if self._direction > 0 else 1
        self._try_neighbour(most)

    def _stay(self, score: float, most: int) -> None:
        if not self._score:
            self._score = score
        elif not self._score / _CHANGE < score < self._score * _CHANGE:
            self._score, self._rest, self._rested = score, 0, 0
        self._score = (self._score + score) / 2
        self._rested += 1
        if self._rested > self._rest:
            self._rested = 0
            self._try_neighbour(most)

    def _try_neighbour(self, most: int) -> None:
        top = min(bisect_left(self._settings, most), len(self._settings) - 1)
        self._home = min(self._home, top)
        at = min(max(self._home + self._direction * self._stride, 0), top)
        if at == self._home:
            self._direction, self._stride = -self._direction, 1
            at = min(max(self._home + self._direction, 0), top)
        self._at = at
