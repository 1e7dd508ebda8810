"""What kind of output a tensor is: numbers with a fraction, and rows that are probabilities."""

from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

# By how much probabilities may miss a sum of 1: so much do a thousand classes in float16.
ROUNDING = 0.01


def has_fractions(array: NDArray[Any]) -> bool:
    """Tell whether a tensor holds floats."""
    return array.dtype.kind == "f" or array.dtype == ml_dtypes.bfloat16


def are_distributions(scores: Floats) -> Flags:
    """Tell of each row of scores[..., class] whether these are the shares of one whole."""
    near = abs(scores.sum(axis=-1) - 1) <= ROUNDING
    return np.asarray(near & (scores >= 0).all(axis=-1))
