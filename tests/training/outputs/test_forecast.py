"""Forecasts: their intervals, their figures by the hour, what is not known left out."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from serving.contract import Tensors
from training.outputs.forecast import (
    Forecast,
    ForecastAnswer,
    ForecastLoss,
    fit_stretches,
)

FORECAST = Forecast("µg/m³", ahead=2, told=(1, 2), charts=lambda *_: ([], []))
NAN = np.nan


def outputs_about(middle: NDArray[np.float64], half: float) -> Tensors:
    ends = {"": 0.0, "_low": -half, "_high": half}
    return {f"forecast{end}": (middle + by).astype(np.float32) for end, by in ends.items()}


def test_intervals_cover_unseen_rows_at_every_hour_ahead() -> None:
    random = np.random.default_rng(0)
    middle = random.uniform(3, 6, (30_000, 2))
    raw = np.stack([middle, middle - 0.1, middle + 0.1], axis=2).astype(np.float32)
    truth = np.expm1(middle + random.normal(size=middle.shape) * [0.1, 0.9])  # [example, ahead]
    truth[::7, 1] = NAN  # nobody knows

    answer = ForecastAnswer(fit_stretches(raw[:10_000], truth[:10_000], coverage=0.9))
    outputs = {name: each.numpy() for name, each in answer(tf.constant(raw[10_000:])).items()}
    figures = FORECAST.evaluate(outputs, truth[10_000:]).figures

    assert figures["interval_coverage_lowest_hour"] == pytest.approx(0.9, abs=0.01)
    assert figures["interval_coverage_highest_hour"] == pytest.approx(0.9, abs=0.01)
    np.testing.assert_allclose(outputs["forecast"], np.expm1(middle[10_000:]), rtol=1e-4)


def test_nothing_is_forecast_below_zero() -> None:
    answer = ForecastAnswer(np.ones((1, 1), np.float32))
    outputs = answer(tf.constant([[[0.1, -3.0, 0.2]]]))
    assert outputs["forecast_low"].numpy().tolist() == [[0.0]]


def test_figures_are_of_what_is_known() -> None:
    targets = np.array([[10, 20], [10, NAN], [NAN, 50]], np.float32)
    outputs = outputs_about(np.array([[11.0, 20], [13, 0], [0, 40]]), half=2)

    evaluation = FORECAST.evaluate(outputs, targets)

    assert evaluation.metrics[0].name == "mean_absolute_error"
    assert evaluation.figures["mean_absolute_error"] == pytest.approx((1 + 0 + 3 + 10) / 4)
    assert evaluation.figures["mean_absolute_error_at_1"] == pytest.approx(2)
    assert evaluation.figures["mean_absolute_error_at_2"] == pytest.approx(5)
    assert evaluation.figures["interval_coverage"] == 0.5
    assert evaluation.figures["interval_mean_width"] == 4


def test_the_worst_forecast_is_shown_at_its_worst_hour() -> None:
    targets = np.array([[10, 20], [NAN, 50]], np.float32)
    judgement = FORECAST.kind.judge(outputs_about(np.array([[11.0, 20], [0, 40]]), 2), targets)

    assert judgement.worst(1).tolist() == [1]
    assert judgement.columns["hours ahead"] == ["1", "2"]
    assert judgement.columns["answer"] == ["11", "40"]


def test_the_loss_is_least_at_the_median_and_overlooks_what_is_not_known() -> None:
    loss = ForecastLoss(0.9, scales=[1.0, 1.0])
    truth = tf.constant([[10.0, NAN]])

    def at(value: float, unknown: float) -> float:
        logarithm = np.log1p([[[value] * 3, [unknown] * 3]])
        return float(loss(truth, tf.constant(logarithm, tf.float32)))

    assert at(10, 3) == pytest.approx(0, abs=1e-4)
    assert at(12, 3) == pytest.approx(at(12, 99), rel=1e-5)
    # Half of what the median is off, 0.95 of the lower bound, 0.05 of the upper one.
    assert at(12, 3) == pytest.approx(2 * (0.5 + 0.95 + 0.05), rel=1e-4)
