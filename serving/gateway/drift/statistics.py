"""How far live values have moved from those of the training: a number, and how sure it is.

The population stability index is the symmetrised relative entropy of two histograms. Source: its
name, and the limits by which it is read here, are those of credit scoring, as N. Siddiqi, "Credit
Risk Scorecards", 2006, has them: below 0.1 nothing has changed, above 0.25 much has.

Of two samples of n and m rows out of the same source, it is about (1/n + 1/m) times a chi-squared
variable of one degree of freedom less than there are bins: B. Yurdakul, "Statistical Properties of
Population Stability Index", 2018. So chance alone is worth (bins - 1)(1/n + 1/m), which is taken
off; and what is more comes with a p-value.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOVED, DRIFTED = 0.1, 0.25
LEAST_ROWS = 500  # of live rows, before anything is read into them
SURE = 1e-6  # the p-value below which it is no chance: one of a million looks is wrong
_EMPTY = 0.5  # rows that a bin without any is taken for: the logarithm of nothing is none


@dataclass(frozen=True)
class Shift:
    """How far a quantity has moved.

    `index` is the population stability index, less what chance is worth; `p_value` is how probable
    so large a one is if nothing has changed.
    """

    index: float
    p_value: float


def shift(live: NDArray[np.int64], training: NDArray[np.float64], num_training: int) -> Shift:
    """Compare counts of live rows with the shares of `num_training` rows, both by bin."""
    num_live = int(live.sum())
    if num_live == 0 or num_training == 0 or len(live) < 2:
        return Shift(0.0, 1.0)
    now, then = _shares(live), _shares(training * num_training)
    index = float(np.sum((now - then) * np.log(now / then)))
    by_chance = 1 / num_live + 1 / num_training
    used = int(np.count_nonzero((live > 0) | (training > 0)))
    freedom = max(1, used - 1)
    return Shift(
        max(0.0, index - freedom * by_chance), chi_squared_tail(index / by_chance, freedom)
    )


def _shares(counts: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    filled = np.maximum(counts.astype(np.float64), _EMPTY)
    shares: NDArray[np.float64] = filled / filled.sum()
    return shares


def chi_squared_tail(value: float, freedom: int) -> float:
    """Give the probability that a chi-squared variable is larger than a value.

    Source: M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 26.4.4 and 26.4.5.
    """
    if value <= 0:
        return 1.0
    half = value / 2
    if freedom % 2:
        tail, start = math.erfc(math.sqrt(half)), 0.5
        logarithm = -half + 0.5 * math.log(half) - math.lgamma(1.5)
    else:
        tail, start = 0.0, 0.0
        logarithm = -half
    # Each term is the one before, times half the value over the next number.
    for step in range(freedom // 2):
        tail += math.exp(logarithm)
        logarithm += math.log(half) - math.log(start + step + 1)
    return min(1.0, tail)
