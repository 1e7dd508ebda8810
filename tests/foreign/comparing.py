"""Comparing tensors: equal but for the last bits of their numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 1e-5  # a batch is summed up in another order than a row


def assert_same_array(told: NDArray[Any], expected: NDArray[Any]) -> None:
    """Floats may differ by the tolerance, relative or absolute; all else must be equal."""
    assert told.shape == expected.shape
    if expected.dtype.kind in "fV":  # V is bfloat16
        np.testing.assert_allclose(
            told.astype(float), expected.astype(float), rtol=TOLERANCE, atol=TOLERANCE
        )
    else:
        np.testing.assert_array_equal(told, expected)
