"""Sums up numbers for the model card."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.card import InputStatistics


def summarize(values: NDArray[Any]) -> InputStatistics:
    """Sum up numbers of any shape; NaN counts as missing.

    Raises:
        ValueError: no number is present.
    """
    present = values[~np.isnan(values)]
    return InputStatistics(
        # By way of text: a float32 of 0.4999 is 0.49990001 as a float, above what people send.
        minimum=float(str(present.min())),
        maximum=float(str(present.max())),
        mean=present.mean(dtype=np.float64),
        standard_deviation=present.std(dtype=np.float64),
        missing=values.size - present.size,
    )
