"""Turns a network's price and bounds into calibrated answers, and measures such answers."""

from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.card import Metric
from serving.contract import Tensors
from training.recipe import Evaluation

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


class IntervalAnswer(tf.Module):
    """Price with an interval that holds the truth with the stated coverage.

    The network gives float32[batch, 3]: price, lower and upper bound in units of `unit_usd`. Both
    bounds are moved outwards by `margin`; everything is clipped to `limits_usd`.
    """

    def __init__(self, *, unit_usd: float, margin: float, limits_usd: tuple[float, float]) -> None:
        super().__init__()
        self.unit_usd = unit_usd
        self.margin = margin
        self.limits_usd = limits_usd

    def __call__(self, raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """Give the signature's outputs, float32[batch] each, in USD."""
        price, low, high = tf.unstack(raw, axis=1)
        # A negative margin narrows the interval; it must not cross the price.
        bounds = {
            "price": price,
            "price_low": tf.minimum(low - self.margin, price),
            "price_high": tf.maximum(high + self.margin, price),
        }
        return {
            name: tf.clip_by_value(bound * self.unit_usd, *self.limits_usd)
            for name, bound in bounds.items()
        }


def conformal_margin(
    low: NDArray[Any], high: NDArray[Any], truth: NDArray[Any], coverage: float
) -> float:
    """Give by how much both bounds must move outwards so that `coverage` of the truths are inside.

    All are float[example], of examples that the network was not fitted on.

    Source: Y. Romano, E. Patterson, E. Candès, "Conformalized Quantile Regression", NeurIPS 2019.
    """
    distance_outside = np.maximum(low - truth, truth - high)
    level = min(1.0, np.ceil((len(truth) + 1) * coverage) / len(truth))
    return float(np.quantile(distance_outside, level, method="higher"))


def evaluate(outputs: Tensors, targets: NDArray[np.float32]) -> Evaluation:
    """Measure prices and their intervals against the true prices, all float32[example] in USD."""
    residuals = outputs["price"].astype(np.float64) - targets
    low, high = outputs["price_low"], outputs["price_high"]
    explained = 1 - np.sum(residuals**2) / np.sum((targets - targets.mean(dtype=np.float64)) ** 2)
    inside = (low <= targets) & (targets <= high)
    metrics = [
        Metric(
            name="root_mean_squared_error",
            value=float(np.sqrt(np.mean(residuals**2))),
            unit="USD of 1990",
            definition="square root of the mean squared difference of predicted and actual price",
        ),
        Metric(
            name="mean_absolute_error",
            value=float(np.mean(np.abs(residuals))),
            unit="USD of 1990",
            definition="mean absolute difference of predicted and actual price",
        ),
        Metric(
            name="r2",
            value=float(explained),
            unit="1",
            definition="share of the variance of the actual prices that the predictions explain",
        ),
        Metric(
            name="interval_coverage",
            value=float(np.mean(inside)),
            unit="1",
            definition="share of actual prices within [price_low, price_high]",
        ),
        Metric(
            name="interval_mean_width",
            value=float(np.mean(high - low)),
            unit="USD of 1990",
            definition="mean of price_high - price_low",
        ),
    ]
    quantiles = {str(q): float(np.quantile(residuals, q)) for q in QUANTILES}
    return Evaluation(metrics, residual_quantiles=quantiles)
