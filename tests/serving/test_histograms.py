"""Bins hold about as many rows each; every row has one, whatever is in it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as of_numpy

from serving.card import Histogram
from serving.histograms import MISSING, NUM_BINS, counts, learn, names, num_bins, places


def texts(*values: Any) -> Any:
    return np.array(values, dtype=object)


def test_each_bin_has_as_many_rows() -> None:
    column = np.random.default_rng(0).lognormal(size=10_000)
    histogram = learn("income", column)
    assert histogram.quantity == "income"
    assert len(histogram.edges or ()) == NUM_BINS - 1
    assert histogram.shares[:-1] == pytest.approx([0.1] * NUM_BINS, abs=2e-3)
    assert histogram.shares[-1] == 0
    assert histogram.count == 10_000


def test_an_edge_belongs_to_the_bin_above_it() -> None:
    histogram = Histogram(quantity="n", edges=[1.0, 2.0], shares=[], count=0)
    column = np.array([0.9, 1, 1.5, 2, 3])
    assert places(histogram, column).tolist() == [0, 1, 1, 2, 2]


def test_what_is_missing_has_a_bin_of_its_own_and_what_is_infinite_the_outermost() -> None:
    histogram = learn("n", np.array([1.0, 2, 3, np.nan]))
    assert histogram.shares[-1] == 0.25
    found = places(histogram, np.array([np.nan, -np.inf, np.inf]))
    assert found.tolist() == [MISSING, 0, num_bins(histogram) - 2]


def test_a_number_that_most_rows_have_is_a_bin() -> None:
    histogram = learn("age", np.array([52.0] * 90 + list(range(10))))
    counted = counts(histogram, np.array([52.0, 51.0, 5.0]))
    assert counted[-2] == 1
    assert counted.sum() == 3


@pytest.mark.parametrize("column", [np.array([]), np.array([np.nan] * 3), np.array([7.0] * 3)])
def test_what_tells_nothing_apart_is_one_bin(column: Any) -> None:
    histogram = learn("n", column)
    assert (histogram.edges, num_bins(histogram)) == ([], 2)
    assert names(histogram) == ["any", "(missing)"]
    assert counts(histogram, np.array([1.0, np.nan])).tolist() == [1, 1]


def test_texts_are_counted_by_their_names_and_new_ones_together() -> None:
    histogram = learn("place", texts(*[b"sea", b"hill", b"sea", None] * 10))
    assert histogram.categories == ["hill", "sea"]
    assert histogram.shares == [0.25, 0.5, 0, 0.25]
    assert counts(histogram, texts(b"moon", "sea", None, b"\xff")).tolist() == [0, 1, 2, 1]
    assert names(histogram) == ["hill", "sea", "(other)", "(missing)"]


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([b"ann"] * 9 + [b"oak"] * 91, ["oak"]),  # too few
        ([b"ann"] * 19 + [b"oak"] * 1981, ["oak"]),  # too rare
        ([b"a" * 65] * 50 + [b"o" * 64] * 50, ["o" * 64]),  # too long
        ([b"%d" % number for number in range(2_000)], []),
    ],
)
def test_what_few_have_sent_is_named_nowhere(rows: list[bytes], named: list[str]) -> None:
    histogram = learn("who", texts(*rows))
    assert histogram.categories == named
    assert sum(histogram.shares) == pytest.approx(1)


def test_what_is_of_another_kind_is_no_value() -> None:
    numbers, categories = learn("n", np.arange(100.0)), learn("c", texts(*[b"a"] * 10))
    assert places(numbers, texts(b"a")).tolist() == [MISSING]
    assert counts(categories, np.array([1.0])).tolist() == [0, 1, 0]


def test_bins_are_named_for_people() -> None:
    histogram = Histogram(quantity="n", edges=[1.0, 2.5], shares=[], count=0)
    assert names(histogram) == ["below 1", "1 to 2.5", "from 2.5", "(missing)"]


@given(of_numpy.arrays(np.float64, st.integers(0, 50), elements=st.floats(allow_nan=True)))
def test_every_row_has_a_bin(column: Any) -> None:
    histogram = learn("n", column)
    counted = counts(histogram, column)
    assert counted.sum() == len(column)
    assert len(counted) == num_bins(histogram) == len(names(histogram))
    if len(column):
        assert sum(histogram.shares) == pytest.approx(1)
    # No bin that was learned is empty, but for that of missing values.
    assert (counted[:-1] > 0).all() or not np.isfinite(column).any()
