"""The bins of a quantity: learned from a column, and counted of others; knows no model.

A column is float[row], with NaN where a value is missing, or object[row] of texts, where None is.
"""

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.card import Histogram

NUM_BINS = 10
MOST_CATEGORIES = 50
# Of a text that has a bin of its own: what is rarer, or longer, is no category, but the name of
# somebody, or what they wrote, and stands in no card, metric or answer.
LEAST_SHARE, LEAST_COUNT, MOST_CHARACTERS = 0.01, 10, 64
MISSING = -1  # the place of the last bin
_OTHER, _NO_VALUE = "(other)", "(missing)"
_DIGITS = range(6, 18)  # of an edge; those of seventeen differ wherever the numbers do


def learn(quantity: str, column: NDArray[Any]) -> Histogram:
    """Divide what a column has into bins that hold about as many rows each, and count them.

    Where many rows have the same number, it is the whole of a bin; of texts, the most frequent have
    a bin each.
    """
    if column.dtype == object:
        empty = Histogram(quantity=quantity, categories=_categories(column), shares=[], count=0)
    else:
        empty = Histogram(quantity=quantity, edges=_edges(column), shares=[], count=0)
    counted = counts(empty, column)
    shares = (counted / max(1, len(column))).tolist()
    return empty.model_copy(update={"shares": shares, "count": len(column)})


def counts(histogram: Histogram, column: NDArray[Any]) -> NDArray[np.int64]:
    """Give how many rows of a column lie in each bin, int64[bin]."""
    size = num_bins(histogram)
    return np.bincount(places(histogram, column) % size, minlength=size)


def num_bins(histogram: Histogram) -> int:
    """Give the number of bins, that of missing values included."""
    inner = histogram.edges if histogram.categories is None else histogram.categories
    return len(inner or ()) + 2


def places(histogram: Histogram, column: NDArray[Any]) -> NDArray[np.int64]:
    """Give the bin of each row, int64[row]; `MISSING` of those without a value.

    Numbers in the place of texts, or the other way round, are no values.
    """
    if histogram.categories is not None:
        known = {name: place for place, name in enumerate(histogram.categories)}
        other = len(known)
        return np.array(
            [
                MISSING if value is None else known.get(_text(value), other)
                for value in column.tolist()
            ],
            np.int64,
        )
    if column.dtype == object:
        return np.full(len(column), MISSING, np.int64)
    values = column.astype(np.float64)
    found = np.searchsorted(np.array(histogram.edges), values, side="right")
    return np.where(np.isnan(values), MISSING, found).astype(np.int64)


def names(histogram: Histogram) -> list[str]:
    """Name each bin, for people and for metrics."""
    if histogram.categories is not None:
        return [*histogram.categories, _OTHER, _NO_VALUE]
    edges = _told_apart(histogram.edges or [])
    if not edges:
        return ["any", _NO_VALUE]
    between = [f"{low} to {high}" for low, high in pairwise(edges)]
    return [f"below {edges[0]}", *between, f"from {edges[-1]}", _NO_VALUE]


def is_whole(histogram: Histogram) -> bool:
    """Tell whether rows can be counted beside it: a share for each bin, edges in order."""
    edges, categories = histogram.edges, histogram.categories
    in_order = all(low < high for low, high in pairwise(edges or ()))
    bins = names(histogram)
    return (
        (edges is None) != (categories is None)
        and in_order
        and len(set(bins)) == len(bins) == len(histogram.shares)
        and all(share >= 0 for share in histogram.shares)
        and abs(sum(histogram.shares) - 1) < 1e-3
        and histogram.count > 0
    )


def _told_apart(edges: list[float]) -> list[str]:
    """Write the edges with as many digits as tell them apart, since a name is one bin's."""
    for digits in _DIGITS:
        told = [f"{edge:.{digits}g}" for edge in edges]
        if len(set(told)) == len(told):
            break
    return told


def _categories(column: NDArray[Any]) -> list[str]:
    """Give the most frequent texts, in order."""
    found = Counter(_text(value) for value in column.tolist() if value is not None)
    least = max(LEAST_COUNT, LEAST_SHARE * len(column))
    often = [
        text
        for text, number in found.most_common(MOST_CATEGORIES)
        if number >= least and len(text) <= MOST_CHARACTERS
    ]
    return sorted({*often} - {_OTHER, _NO_VALUE})


def _edges(column: NDArray[Any]) -> list[float]:
    """Give the quantiles between the bins, without those that would leave a bin empty."""
    values = column.astype(np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    inner = np.arange(1, NUM_BINS) / NUM_BINS
    # A number that is there: one between two others would not say to which it is nearer.
    edges = np.unique(np.quantile(values, inner, method="higher"))
    return [float(edge) for edge in edges if edge > values.min()]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
