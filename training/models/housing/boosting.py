"""Prices by gradient-boosted trees, scikit-learn's at their defaults; knows no network.

Source: G. Ke et al., "LightGBM: A Highly Efficient Gradient Boosting Decision Tree", NeurIPS 2017,
whose method scikit-learn has made its own.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.model_selection import cross_val_predict
from threadpoolctl import threadpool_limits

from serving.contract import Tensors
from serving.models.housing import COVERAGE, NUMERIC_FEATURES
from training.data.examples import Examples
from training.outputs.regression import conformal_quantile

FOLDS = 5


def boosted_trees(train: Examples, inputs: Tensors) -> Tensors:
    """Fit trees on block groups, and give the prices of others as the housing signature has them.

    The interval is as wide everywhere: what the price missed nine tenths of the training examples
    by, each predicted by trees that were fitted without it.
    """
    categories = sorted(set(train.inputs["ocean_proximity"]))
    columns, prices = _columns(train.inputs, categories), train.targets
    trees = HistGradientBoostingRegressor(random_state=0)
    # Its threads wait for each other thousands of times: on a busy machine that takes minutes.
    with threadpool_limits(1):
        misses = np.abs(cross_val_predict(trees, columns, prices, cv=FOLDS) - prices)
        price = trees.fit(columns, prices).predict(_columns(inputs, categories))
    half_width = conformal_quantile(misses, COVERAGE)
    return {
        "price": price.astype(np.float32),
        "price_low": (price - half_width).astype(np.float32),
        "price_high": (price + half_width).astype(np.float32),
    }


def _columns(inputs: Tensors, categories: list[bytes]) -> NDArray[Any]:
    """Give float32[example, column]; trees need no scale, and take NaN for missing."""
    numbers = [inputs[name] for name in NUMERIC_FEATURES]
    proximity = [inputs["ocean_proximity"] == category for category in categories]
    return np.stack([*numbers, *proximity], axis=1).astype(np.float32)
