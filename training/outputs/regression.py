"""Turns a network's price and bounds into calibrated answers, and measures such answers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack

from serving.card import Metric
from serving.contract import Tensors
from training.outputs.evaluation import Evaluation, standard_error
from training.outputs.judgement import Judgement
from training.outputs.kind import OutputKind

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
UNIT = "USD of 1990"
SMALLEST_WIDTH = 1e-2  # of half an interval, in the network's unit: nobody is surer
SMALLEST_STRETCH = 0.1
QUINTILES = ("lowest", "second", "middle", "fourth", "highest")
OF_FIFTHS = tuple(f"interval_coverage_{name}_fifth" for name in QUINTILES)


@dataclass(frozen=True)
class Calibration:
    """By how much intervals must be stretched about their price: by it, and by the difficulty.

    `edges` are the prices between the bins, float32[bin - 1]; `stretches`, float32[bin], are those
    of examples without any difficulty; `slopes`, float32[measure], what one of each measure of
    difficulty adds, never less than nothing.
    """

    edges: NDArray[np.float32]
    stretches: NDArray[np.float32]
    slopes: NDArray[np.float32]


class IntervalAnswer(tf.Module):
    """Price with an interval that holds the truth with the stated coverage.

    The network gives float32[batch, 3]: price, lower and upper bound in units of `unit_usd`. The
    price is clipped to `limits_usd`; then both bounds are stretched about it, and clipped, too. So
    an interval at a limit ends there, but has a width.
    """

    def __init__(
        self, *, unit_usd: float, calibration: Calibration, limits_usd: tuple[float, float]
    ) -> None:
        super().__init__()
        self.unit_usd = unit_usd
        self.limits_usd = limits_usd
        self._edges = tf.constant(calibration.edges)
        self._stretches = tf.constant(calibration.stretches)
        self._slopes = tf.constant(calibration.slopes)

    def __call__(self, raw: tf.Tensor, difficulty: tf.Tensor) -> dict[str, tf.Tensor]:
        """Give the signature's outputs, float32[batch] each, in USD.

        `difficulty` is float32[batch, measure], at least 0.
        """
        raw_price = raw[:, :1]  # [batch, 1]
        above = tf.cast(raw_price >= self._edges, tf.int32)  # [batch, bin - 1]
        bin_ = tf.reduce_sum(above, axis=1)  # [batch]
        stretch = tf.gather(self._stretches, bin_) + tf.linalg.matvec(difficulty, self._slopes)
        half_widths = tf.maximum(tf.abs(raw[:, 1:] - raw_price), SMALLEST_WIDTH)  # [batch, 2]
        half_widths *= tf.maximum(stretch, SMALLEST_STRETCH)[:, None]
        low, high = self.limits_usd
        price = tf.clip_by_value(raw_price * self.unit_usd, low, high)  # [batch, 1]
        bounds = price + half_widths * [[-self.unit_usd, self.unit_usd]]  # [batch, 2]
        bounds = tf.clip_by_value(bounds, low, high)
        return {"price": price[:, 0], "price_low": bounds[:, 0], "price_high": bounds[:, 1]}


def calibrate(
    bounds: NDArray[Any],
    difficulty: NDArray[Any],
    truth: NDArray[Any],
    *,
    coverage: float,
    bins: int,
) -> Calibration:
    """Learn how far to stretch `bounds`, so that `coverage` of the truths are inside.

    They are as many of each bin of prices, and neither fewer where an example is difficult nor more
    where it is not. `bounds` is float[example, 3] as the network gives it, `difficulty`
    float[example, measure], at least 0, `truth` float[example], of examples that the network was
    not fitted on. The bins hold as many examples each; where too many have the same price, there
    are fewer than `bins`.

    The score of an example, by how far its interval would have to be stretched to reach the truth,
    is regressed on its bin and its difficulty: a conformal quantile for each.

    Sources: I. Gibbs, J. Cherian, E. Candès, "Conformal Prediction With Conditional Guarantees",
    arXiv 2305.12616 (the regression); H. Papadopoulos, A. Gammerman, V. Vovk, "Normalized
    Nonconformity Measures for Regression Conformal Prediction", AIA 2008 (difficulty); V. Vovk,
    "Conditional Validity of Inductive Conformal Predictors", ACML 2012 (bins); Y. Romano,
    E. Patterson, E. Candès, "Conformalized Quantile Regression", NeurIPS 2019 (bounds).
    """
    price = bounds[:, 0]  # [example]
    edges = np.unique(np.quantile(price, np.arange(1, bins) / bins).astype(np.float32))
    edges = edges[edges > price.min()]  # equal prices share a bin, so that none is empty
    is_in = np.searchsorted(edges, price, side="right")[:, None] == np.arange(len(edges) + 1)
    factors = _quantile_regression(
        np.concatenate([is_in, difficulty], axis=1),
        stretches_needed(bounds, truth),
        coverage,
        num_free=is_in.shape[1],
    )
    stretches, slopes = np.split(factors.astype(np.float32), [is_in.shape[1]])
    return Calibration(edges, stretches, slopes)


def stretches_needed(bounds: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Give the factor, float[example], at which each interval would just reach the truth.

    `bounds` is float[example, 3]: prediction, lower and upper bound; `truth` is float[example].
    """
    price, low, high = bounds.T  # [example] each
    below, above = np.maximum(price - low, SMALLEST_WIDTH), np.maximum(high - price, SMALLEST_WIDTH)
    needed: NDArray[np.float64] = np.maximum((price - truth) / below, (truth - price) / above)
    return needed


def _quantile_regression(
    columns: NDArray[Any], scores: NDArray[Any], coverage: float, *, num_free: int
) -> NDArray[np.float64]:
    """Give factors of columns, float[example, column], whose sum is the quantile of the scores.

    All but the first `num_free` are at least 0. Source: R. Koenker, G. Bassett, "Regression
    Quantiles", Econometrica 46 (1978) 33-50, as the linear program that they give.
    """
    num_scores, num_columns = columns.shape
    # Half a rank less than the conformal one, as between two scores any quantile would do.
    quantile = (_conformal_rank(num_scores, coverage) - 0.5) / num_scores
    one_each = eye_array(num_scores)
    program = linprog(
        np.repeat([0, quantile, 1 - quantile], [num_columns, num_scores, num_scores]),
        A_eq=hstack([csr_array(columns.astype(np.float64)), one_each, -one_each]),
        b_eq=scores,
        bounds=[(None, None)] * num_free + [(0, None)] * (num_columns - num_free + 2 * num_scores),
    )
    factors: NDArray[np.float64] = program.x[:num_columns]
    return factors


def conformal_quantile(scores: NDArray[Any], coverage: float) -> float:
    """Give what the score of a further example does not exceed with the probability `coverage`.

    `scores` is float[example]. Source: H. Papadopoulos et al., "Inductive Confidence Machines for
    Regression", ECML 2002.
    """
    return float(np.sort(scores)[_conformal_rank(len(scores), coverage) - 1])


def _conformal_rank(num_scores: int, coverage: float) -> int:
    """Give which of the sorted scores that is, from 1 on."""
    rank = int(np.ceil((num_scores + 1) * coverage))  # among them and the further one
    return min(rank, num_scores)


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
