"""What the counts of a quantity say, in words."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from serving.card import Histogram
from serving.gateway.drift.statistics import DRIFTED, LEAST_ROWS, MOVED, SURE, Shift, shift
from serving.histograms import names, num_bins

State = Literal["as in training", "moved", "drifted", "too few rows"]


@dataclass(frozen=True)
class Reading:
    """How a quantity stands, and why it is said so."""

    state: State
    shift: Shift
    words: str


def least_rows(histogram: Histogram) -> int:
    """Give how many live rows are wanted before anything is read into them."""
    return LEAST_ROWS * num_bins(histogram)


def read(histogram: Histogram, live: NDArray[np.int64]) -> Reading:
    """Compare the rows of a while with the training's."""
    num_rows, least = int(live.sum()), least_rows(histogram)
    training = np.array(histogram.shares)
    found = shift(live, training, histogram.count)
    on_rows = f"on {num_rows:,} rows"
    if num_rows < least:
        words = f"{num_rows:,} rows are too few to tell: {least:,} are the least"
        return Reading("too few rows", found, words)
    if found.index < MOVED or found.p_value > SURE:
        return Reading("as in training", found, f"as in training, {on_rows}")
    state: State = "drifted" if found.index >= DRIFTED else "moved"
    much = "has drifted" if state == "drifted" else "has moved a little"
    words = (
        f"{histogram.quantity} {much}, by an index of {found.index:.2f} {on_rows}: "
        f"{_where(histogram, live)}"
    )
    return Reading(state, found, words)


def _where(histogram: Histogram, live: NDArray[np.int64]) -> str:
    """Say where most has changed, and for numbers to which side."""
    shares, training = live / live.sum(), np.array(histogram.shares)
    place = int(np.abs(shares - training).argmax())
    named = names(histogram)[place]
    changed = f"{named}: {training[place]:.1%} of the training's, {shares[place]:.1%} now"
    if histogram.categories is not None or place == len(shares) - 1:
        return f"most of all {changed}"
    middle = np.arange(len(shares) - 1)
    moved = float(np.sum((shares[:-1] - training[:-1]) * middle))
    return f"{'higher' if moved > 0 else 'lower'}, most of all {changed}"
