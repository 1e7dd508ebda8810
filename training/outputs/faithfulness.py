"""How far explanations can be trusted: does an answer hang on what is said to weigh most?

Parts of an input are taken away, those first that are said to weigh most, and, beside it, in random
order; then they are given back. Source: V. Petsiuk, A. Das, K. Saenko, "RISE: Randomized Input
Sampling for Explanation of Black-box Models", BMVC 2018.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from serving.card import FaithfulnessCurve

NUM_EXPLAINED = 100  # examples
SHARES = np.arange(11) / 10  # of the parts, that are taken away or given back

Numbers = NDArray[np.float64]


def explained_rows(num_examples: int) -> NDArray[np.int64]:
    """Give which of so many examples are explained, spread evenly over them all."""
    return np.arange(0, num_examples, max(1, num_examples // NUM_EXPLAINED))[:NUM_EXPLAINED]


def curve(
    name: str, shares: Numbers, explained: Numbers, random: Sequence[Numbers]
) -> FaithfulnessCurve:
    """Set what follows an explanation, float64[share], beside the mean of what follows chance."""
    return FaithfulnessCurve(
        name=name,
        shares=shares.tolist(),
        explained=explained.tolist(),
        random=np.mean(random, axis=0).tolist(),
    )


def probability(scores: NDArray[np.floating], classes: NDArray[np.int64]) -> Numbers:
    """Give the mean score of the examples' classes, int64[example], at each share, float64[share].

    `scores` are float[share * example, class], all examples of one share after those of another.
    """
    by_share = scores.reshape(len(SHARES), len(classes), -1)  # [share, example, class]
    mean: Numbers = by_share[:, range(len(classes)), classes].mean(axis=1, dtype=np.float64)
    return mean
