"""Sums up one numeric quantity of the training part, for the model card."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.card import InputStatistics


def summarize(values: NDArray[Any]) -> InputStatistics:
    """Sum up numbers of any shape; NaN counts as missing.

    Raises:
        ValueError: no number is present.
    """
    present = values[~np.isnan(values)].astype(np.float64)
    return InputStatistics(
        minimum=present.min(),
        maximum=present.max(),
        mean=present.mean(),
        standard_deviation=present.std(),
        missing=values.size - present.size,
    )
