"""Turns a network's bounds for each hour ahead into calibrated forecasts, and measures them.

A forecast is the outputs `forecast`, `forecast_low` and `forecast_high`, float32[batch, ahead].
Targets, float32[example, ahead], are NaN where nobody knows what came; such hours do not count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

from serving.card import Metric
from serving.contract import Tensors
from training.outputs.evaluation import Evaluation, standard_error
from training.outputs.judgement import Judgement
from training.outputs.kind import OutputKind
from training.outputs.regression import conformal_quantile, stretches_needed

OUTPUTS = ("forecast", "forecast_low", "forecast_high")


class ForecastAnswer(tf.Module):
    """Forecasts with intervals that hold the truth with the stated coverage, each hour ahead.

    The network gives float32[batch, ahead, 3]: the forecast, its lower and upper bound, of the
    logarithm log(1 + value). Bounds are stretched about the forecast by the factor of their hour.
    """

    def __init__(self, stretches: NDArray[np.float32]) -> None:
        """Take float32[ahead, 1]."""
        super().__init__()
        self._stretches = tf.constant(stretches)

    def __call__(self, raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """Give the signature's outputs, which are never below zero."""
        middle = raw[..., :1]  # [batch, ahead, 1]
        bounds = middle + self._stretches * (raw - middle)  # [batch, ahead, 3]
        values = tf.math.expm1(tf.maximum(bounds, 0.0))
        return dict(zip(OUTPUTS, tf.unstack(values, axis=2), strict=True))


def fit_stretches(raw: NDArray[Any], truth: NDArray[Any], coverage: float) -> NDArray[np.float32]:
    """Learn how far to stretch what the network gives, for each hour ahead: float32[ahead, 1].

    `truth` is float[example, ahead], of examples that the network was not fitted on.

    Source: Y. Romano, E. Patterson, E. Candès, "Conformalized Quantile Regression", NeurIPS 2019.
    """
    hours = []
    for bounds, values in zip(np.moveaxis(raw, 1, 0), np.log1p(truth).T, strict=True):
        known = ~np.isnan(values)  # [example]
        needed = stretches_needed(bounds[known], values[known])
        hours.append([conformal_quantile(needed, coverage)])
    return np.array(hours, np.float32)


@keras.saving.register_keras_serializable("tfgate")
class ForecastLoss(keras.losses.Loss):
    """Adds the pinball losses of a forecast, the median, and of its bounds, where truth is known.

    What the network gives is of the logarithm log(1 + value); the loss is of values, as the error
    that counts is, each by the `scales` of its hour ahead, so that near hours count as far ones do.

    Source: R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46 (1978) 33-50.
    """

    def __init__(self, coverage: float, scales: Sequence[float], **options: Any) -> None:
        super().__init__(**options)
        self.coverage, self.scales = coverage, np.array(scales, np.float32)[:, None]  # [ahead, 1]

    def call(self, truth: Any, raw: Any) -> Any:
        """Give float32[batch] for truth float32[batch, ahead], raw float32[batch, ahead, 3]."""
        tail = (1 - self.coverage) / 2
        quantiles = np.array([0.5, tail, 1 - tail], np.float32)
        known = ops.logical_not(ops.isnan(truth))
        truth = ops.where(known, truth, 0.0)[..., None]  # [batch, ahead, 1]
        under = (truth - ops.expm1(raw)) / self.scales  # [batch, ahead, 3]
        losses = ops.sum(ops.maximum(quantiles * under, (quantiles - 1) * under), axis=2)
        weights = ops.cast(known, losses.dtype)
        return ops.sum(losses * weights, axis=1) / ops.maximum(ops.sum(weights, axis=1), 1.0)


@dataclass(frozen=True)
class Forecast:
    """Forecasts of a quantity in its `unit`, for `ahead` hours; `told` are those with figures."""

    unit: str
    ahead: int
    told: tuple[int, ...]
    charts: Callable[..., Any]

    @cached_property
    def kind(self) -> OutputKind:
        return OutputKind(
            has_classes=False,
            evaluate=self.evaluate,
            judge=judge,
            error=lambda figures: figures["mean_absolute_error"],
            error_name=f"mean absolute error over all hours ahead, {self.unit}",
            targets_may_miss=True,
            charts=self.charts,
        )

    def evaluate(self, outputs: Tensors, targets: NDArray[np.float32]) -> Evaluation:
        """Measure over all hours ahead together, and at some of them."""
        errors = np.abs(outputs["forecast"].astype(np.float64) - targets)  # [example, ahead]
        inside = coverage(outputs, targets)
        shares = np.nanmean(inside, axis=0)  # [ahead]
        widths = (outputs["forecast_high"] - outputs["forecast_low"]).astype(np.float64)
        return Evaluation(
            [
                self._mean("mean_absolute_error", errors, "of all hours ahead"),
                *(
                    self._mean(f"mean_absolute_error_at_{hour}", errors[:, hour - 1 : hour],
                               f"{hour} {'hour' if hour == 1 else 'hours'} ahead")
                    for hour in self.told
                ),
                Metric(
                    name="interval_coverage",
                    value=float(np.nanmean(inside)),
                    unit="1",
                    definition="share of actual values within their intervals, all hours ahead",
                ),
                *(
                    Metric(
                        name=f"interval_coverage_{end}_hour",
                        value=float(shares[hour]),
                        unit="1",
                        definition=f"the {end} interval_coverage of an hour ahead, here that of "
                        f"hour {hour + 1}",
                    )
                    for end, hour in (("lowest", shares.argmin()), ("highest", shares.argmax()))
                ),
                Metric(
                    name="interval_mean_width",
                    value=float(widths.mean()),
                    unit=self.unit,
                    definition="mean of forecast_high - forecast_low",
                ),
            ]
        )  # fmt: skip

    def _mean(self, name: str, errors: NDArray[np.float64], which: str) -> Metric:
        """Give the mean; windows overlap, so that they scatter as far fewer would."""
        apart = errors[:: self.ahead]
        apart = np.nanmean(apart[~np.isnan(apart).all(axis=1)], axis=1)
        return Metric(
            name=name,
            value=float(np.nanmean(errors)),
            unit=self.unit,
            definition=f"mean absolute difference of predicted and actual value, {which}",
            standard_error=standard_error(apart) if len(apart) > 1 else None,
        )


def coverage(outputs: Tensors, targets: NDArray[np.float32]) -> NDArray[np.float64]:
    """Tell which values lie in their intervals: 1 or 0, NaN if unknown, float[example, ahead]."""
    inside = (outputs["forecast_low"] <= targets) & (targets <= outputs["forecast_high"])
    return np.where(np.isnan(targets), np.nan, inside.astype(np.float64))


def judge(outputs: Tensors, targets: NDArray[np.float32]) -> Judgement:
    """Find a forecast the worse, the farther it is off on average; show its worst hour."""
    off = outputs["forecast"].astype(np.float64) - targets  # [example, ahead]
    hour = np.nanargmax(np.abs(off), axis=1)  # [example]
    rows = np.arange(len(off))
    low, middle, high = (outputs[f"forecast{end}"][rows, hour] for end in ("_low", "", "_high"))
    columns = {
        "truth": [f"{value:,.4g}" for value in targets[rows, hour]],
        "answer": [f"{value:,.4g}" for value in middle],
        "hours ahead": [str(each + 1) for each in hour],
        "interval": [f"{a:,.4g} to {b:,.4g}" for a, b in zip(low, high, strict=True)],
        "mean absolute error": [f"{value:,.4g}" for value in np.nanmean(np.abs(off), axis=1)],
    }
    return Judgement(columns, np.nanmean(np.abs(off), axis=1))
