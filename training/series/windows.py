"""Cuts time series into examples: what was, and what came of it; knows no file.

Windows lie within one span of time each, and spans are what is divided into parts: so no value is
on both sides of a split.
"""

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from training.data.examples import Examples


def windows(
    columns: Tensors,
    target: str,
    times: NDArray[np.datetime64],
    spans: NDArray[np.int64],
    *,
    past: int,
    ahead: int,
) -> Examples:
    """Give every window of `past` hours as inputs, [example, past] each, in the rows' order.

    `times`, datetime64[row], are those of the rows. A window lies within one of the `spans` of time
    that rows belong to, int64[row], such as a quarter of a year, which becomes its group, and where
    no row is missing. Its targets are the `ahead` values of the column `target` that follow,
    float32[example, ahead], NaN where one is unknown; left out are windows of which none is known,
    before or after.
    """
    length = past + ahead
    ends = (np.diff(spans) != 0) | (np.diff(times) != np.timedelta64(1, "h"))
    blocks = np.concatenate([[0], np.cumsum(ends)])  # [row]
    starts = np.arange(max(0, len(blocks) - length + 1))
    starts = starts[blocks[starts] == blocks[starts + length - 1]]
    rows = starts[:, None] + np.arange(length)  # [window, past + ahead]
    values = columns[target].astype(np.float32)
    known = ~np.isnan(values)[rows]
    rows = rows[known[:, :past].any(axis=1) & known[:, past:].any(axis=1)]
    inputs = {name: column[rows[:, :past]] for name, column in columns.items()}
    return Examples(inputs, values[rows[:, past:]], spans[rows[:, 0]])


def last_known(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give the last value of each row of float32[row, time] that is not NaN, float32[row]."""
    known = ~np.isnan(values)
    last: NDArray[np.int64] = known.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    return values[np.arange(len(values)), last]
