"""Turns a network's price and bounds into calibrated answers, and measures such answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.card import Metric
from serving.contract import Tensors
from training.outputs.evaluation import Evaluation, standard_error
from training.outputs.judgement import Judgement
from training.outputs.kind import OutputKind

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
UNIT = "USD of 1990"
SMALLEST_WIDTH = 1e-6  # of half an interval: float32 bounds may have met their price
QUINTILES = ("lowest", "second", "middle", "fourth", "highest")
OF_FIFTHS = tuple(f"interval_coverage_{name}_fifth" for name in QUINTILES)


@dataclass(frozen=True)
class Calibration:
    """By how much intervals must be stretched about their price, by the price.

    `edges` are the prices between the bins, float32[bin - 1]; `stretches` float32[bin].
    """

    edges: NDArray[np.float32]
    stretches: NDArray[np.float32]


class IntervalAnswer(tf.Module):
    """Price with an interval that holds the truth with the stated coverage.

    The network gives float32[batch, 3]: price, lower and upper bound in units of `unit_usd`. Both
    bounds are stretched by the factor of the price's bin; everything is clipped to `limits_usd`.
    """

    def __init__(
        self, *, unit_usd: float, calibration: Calibration, limits_usd: tuple[float, float]
    ) -> None:
        super().__init__()
        self.unit_usd = unit_usd
        self.limits_usd = limits_usd
        self._edges = tf.constant(calibration.edges)
        self._stretches = tf.constant(calibration.stretches)

    def __call__(self, raw: tf.Tensor) -> dict[str, tf.Tensor]:
        """Give the signature's outputs, float32[batch] each, in USD."""
        raw_price = raw[:, :1]  # [batch, 1]
        above = tf.cast(raw_price >= self._edges, tf.int32)  # [batch, bin - 1]
        bin_ = tf.reduce_sum(above, axis=1, keepdims=True)  # [batch, 1]
        stretched = raw_price + tf.gather(self._stretches, bin_) * (raw - raw_price)  # [batch, 3]
        outputs = tf.clip_by_value(stretched * self.unit_usd, *self.limits_usd)
        price, low, high = tf.unstack(outputs, axis=1)  # [batch] each
        return {"price": price, "price_low": low, "price_high": high}


def calibrate(
    bounds: NDArray[Any], truth: NDArray[Any], *, coverage: float, bins: int
) -> Calibration:
    """Learn how far to stretch `bounds`, so that `coverage` of the truths of each bin are inside.

    `bounds` is float[example, 3] as the network gives it, `truth` float[example], of examples that
    the network was not fitted on. The bins hold as many examples each; where
    too many have the same price, there are fewer than `bins`.

    Sources: V. Vovk, "Conditional Validity of Inductive Conformal Predictors", ACML 2012 (bins);
    Y. Romano, E. Patterson, E. Candès, "Conformalized Quantile Regression", NeurIPS 2019.
    """
    price, low, high = bounds.T  # [example] each
    edges = np.unique(np.quantile(price, np.arange(1, bins) / bins).astype(np.float32))
    edges = edges[edges > price.min()]  # equal prices share a bin, so that none is empty
    # The factor at which the interval would just reach the truth.
    below, above = np.maximum(price - low, SMALLEST_WIDTH), np.maximum(high - price, SMALLEST_WIDTH)
    needed = np.maximum((price - truth) / below, (truth - price) / above)
    bin_ = np.searchsorted(edges, price, side="right")
    stretches = [
        conformal_quantile(needed[bin_ == each], coverage) for each in range(len(edges) + 1)
    ]
    return Calibration(edges, np.array(stretches, np.float32))


def conformal_quantile(scores: NDArray[Any], coverage: float) -> float:
    """Give what the score of a further example does not exceed with the probability `coverage`.

    `scores` is float[example]. Source: H. Papadopoulos et al., "Inductive Confidence Machines for
    Regression", ECML 2002.
    """
    rank = int(np.ceil((len(scores) + 1) * coverage))  # among them and the further one
    return float(np.sort(scores)[min(rank, len(scores)) - 1])


def evaluate(outputs: Tensors, targets: NDArray[np.float32]) -> Evaluation:
    """Measure prices and their intervals against the true prices, all float32[example] in USD."""
    residuals = outputs["price"].astype(np.float64) - targets
    quantiles = {str(q): float(np.quantile(residuals, q)) for q in QUANTILES}
    metrics = [*of_numbers(residuals, targets, "price", UNIT), *_of_intervals(outputs, targets)]
    return Evaluation(metrics, residual_quantiles=quantiles, of_parts=frozenset(OF_FIFTHS))


def of_numbers(
    residuals: NDArray[np.float64], targets: NDArray[np.float32], what: str, unit: str
) -> list[Metric]:
    """Measure how far predictions are off, all float[example]; `what` is what they are."""
    error = float(np.sqrt(np.mean(residuals**2)))
    spread = np.sum((targets - targets.mean(dtype=np.float64)) ** 2)
    return [
        Metric(
            name="root_mean_squared_error",
            value=error,
            unit=unit,
            definition=f"square root of the mean squared difference of predicted and actual {what}",
            # That of the mean square, carried through the root.
            standard_error=standard_error(residuals**2) / (2 * error) if error else 0.0,
        ),
        Metric(
            name="mean_absolute_error",
            value=float(np.mean(np.abs(residuals))),
            unit=unit,
            definition=f"mean absolute difference of predicted and actual {what}",
            standard_error=standard_error(np.abs(residuals)),
        ),
        Metric(
            name="r2",
            value=float(1 - np.sum(residuals**2) / spread) if spread else 0.0,
            unit="1",
            definition=f"share of the variance of the actual {what}s that the predictions explain",
        ),
    ]


def _of_intervals(outputs: Tensors, targets: NDArray[np.float32]) -> list[Metric]:
    low, price, high = outputs["price_low"], outputs["price"], outputs["price_high"]
    inside = (low <= targets) & (targets <= high)
    quintiles = np.array_split(inside[np.argsort(price, kind="stable")], len(QUINTILES))
    return [
        Metric(
            name="interval_coverage",
            value=float(np.mean(inside)),
            unit="1",
            definition="share of actual prices within [price_low, price_high]; promised of inputs "
            "that come as those of the validation part do, on average over all of them, and not of "
            "each kind of them (conformal prediction)",
            standard_error=standard_error(inside),
        ),
        *(
            Metric(
                name=name,
                value=float(np.mean(quintile)),
                unit="1",
                definition=f"interval_coverage among the {which} fifth of the predicted prices",
                standard_error=standard_error(quintile),
            )
            for name, which, quintile in zip(OF_FIFTHS, QUINTILES, quintiles, strict=True)
        ),
        Metric(
            name="interval_mean_width",
            value=float(np.mean(high - low)),
            unit=UNIT,
            definition="mean of price_high - price_low",
            standard_error=standard_error(high - low),
        ),
        Metric(
            name="constant_width",
            value=float(2 * np.quantile(np.abs(price - targets), np.mean(inside))),
            unit=UNIT,
            definition="width of intervals about the same prices that are as wide everywhere and "
            "hold as many of the actual prices",
        ),
    ]


def judge(outputs: Tensors, targets: NDArray[np.float32]) -> Judgement:
    """Find an answer the worse, the farther it is off."""
    price, low, high = (outputs[name] for name in ("price", "price_low", "price_high"))
    residuals = price.astype(np.float64) - targets
    columns = {
        "truth": [f"{target:,.0f}" for target in targets],
        "answer": [f"{each:,.0f}" for each in price],
        "too high by": [f"{residual:+,.0f}" for residual in residuals],
        "interval": [f"{a:,.0f} to {b:,.0f}" for a, b in zip(low, high, strict=True)],
    }
    return Judgement(columns, np.abs(residuals))


REGRESSION = OutputKind(
    has_classes=False,
    evaluate=evaluate,
    judge=judge,
    error=lambda figures: figures["root_mean_squared_error"],
    error_name=f"root mean squared error, {UNIT}",
)
