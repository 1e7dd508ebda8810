"""Distributions that are known by some of their percentiles, with straight lines between them."""

import random
from bisect import bisect_right

Quantiles = dict[float, float]  # percent, ascending, and the value below which that share lies


def draw(quantiles: Quantiles, source: random.Random) -> float:
    """Draw a value; none is below the first quantile or above the last."""
    percents, values = list(quantiles), list(quantiles.values())
    percent = source.uniform(percents[0], percents[-1])
    right = min(bisect_right(percents, percent), len(percents) - 1)
    left = right - 1
    share = (percent - percents[left]) / (percents[right] - percents[left])
    return values[left] + share * (values[right] - values[left])
