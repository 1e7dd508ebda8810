"""The forecast to beat: what was last, goes on."""

from collections.abc import Callable

import numpy as np

from serving.contract import Tensors
from training.data.examples import Examples
from training.outputs.forecast import OUTPUTS
from training.series.windows import last_known


def persistence(series: str, coverage: float) -> Callable[[Examples, Tensors], Tensors]:
    """Give the baseline that repeats the last known value of an input for all hours ahead.

    Its intervals are those that held the share `coverage` of what came in training, by the hour,
    as a factor on 1 + value.
    """

    def repeat(train: Examples, inputs: Tensors) -> Tensors:
        tail = (1 - coverage) / 2
        before = np.log1p(last_known(train.inputs[series]))[:, None]  # [example, 1]
        low, high = np.nanquantile(np.log1p(train.targets) - before, [tail, 1 - tail], axis=0)
        last = last_known(inputs[series])[:, None] + np.zeros_like(low)  # [example, ahead]
        # float32: as a network answers
        bounds = (last, np.expm1(np.log1p(last) + low), np.expm1(np.log1p(last) + high))
        return {
            name: np.maximum(each, 0).astype(np.float32)
            for name, each in zip(OUTPUTS, bounds, strict=True)
        }

    return repeat
