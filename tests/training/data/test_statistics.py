"""Statistics of the inputs are those of the numbers as people write them."""

import numpy as np
import pytest

from training.data.statistics import summarize


def test_missing_values_are_counted_and_left_out() -> None:
    summary = summarize(np.array([[1.0, np.nan], [3.0, 2.0]], dtype=np.float32))
    assert (summary.minimum, summary.maximum, summary.mean, summary.missing) == (1, 3, 2, 1)
    assert summary.standard_deviation == pytest.approx((2 / 3) ** 0.5)


def test_the_range_includes_the_numbers_at_its_ends() -> None:
    summary = summarize(np.array([-124.35, 0.4999], dtype=np.float32))
    assert (summary.minimum, summary.maximum) == (-124.35, 0.4999)


def test_pixels_are_numbers_too() -> None:
    summary = summarize(np.array([[0, 255]], dtype=np.uint8))
    assert (summary.minimum, summary.maximum, summary.mean) == (0, 255, 127.5)
