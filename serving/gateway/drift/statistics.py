"""How far live values have moved from those of the training: a number, and how sure it is.

The population stability index is the symmetrised relative entropy of two histograms. Source: its
name is that of credit scoring, as N. Siddiqi, "Credit Risk Scorecards", 2006, has it.

Of two samples of n and m rows out of the same source, it is about (1/n + 1/m) times a chi-squared
variable of one degree of freedom less than there are bins: B. Yurdakul, "Statistical Properties of
Population Stability Index", 2018. So chance alone is worth (bins - 1)(1/n + 1/m), which is taken
off; and what is more comes with a p-value.

monitoring/rules/drift.yml has the same, over all gateways. The limits by which the index is read
are lower than those of credit scoring, 0.1 and 0.25, which leave room for chance: `bench/drift.py`
has tried them.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOVED, DRIFTED = 0.05, 0.1
LEAST_ROWS = 300  # live rows a bin, before anything is read into them
SURE = 1e-6  # the p-value below which it is no chance: one of a million looks is wrong
LEAST_SHARE = 0.001  # what a bin is taken for that has less: the logarithm of nothing is none


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
    if not live.any() or num_training == 0 or len(live) < 2:
        return Shift(0.0, 1.0)
    [index], [by_chance], [freedom] = compare(live[None], training, num_training)
    p_value = chi_squared_tail(index / by_chance, int(freedom))
    return Shift(max(0.0, float(index - freedom * by_chance)), p_value)


def compare(
    live: NDArray[np.int64], training: NDArray[np.float64], num_training: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Give the index of each sample, int64[sample, bin] of at least a row, chance included.

    Beside it stands what each degree of freedom is worth by chance, and how many there are.
    """
    num_live = live.sum(axis=1, keepdims=True)
    now, then = np.maximum(live / num_live, LEAST_SHARE), np.maximum(training, LEAST_SHARE)
    indices = np.sum((now - then) * np.log(now / then), axis=1)
    used = np.count_nonzero((now > LEAST_SHARE) | (then > LEAST_SHARE), axis=1)
    return indices, 1 / num_live[:, 0] + 1 / num_training, np.maximum(1, used - 1)


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
