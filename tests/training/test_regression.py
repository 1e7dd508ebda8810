"""Intervals and figures of regressors, on answers whose figures are known."""

import numpy as np
import pytest
import tensorflow as tf

from training.regression import IntervalAnswer, conformal_margin, evaluate


def test_the_margin_gives_the_coverage_on_unseen_rows() -> None:
    random = np.random.default_rng(0)
    seen, unseen = random.normal(size=5_000), random.normal(size=50_000)
    bound = np.full_like(seen, 0.5)
    margin = conformal_margin(-bound, bound, seen, 0.9)
    assert np.mean(np.abs(unseen) <= 0.5 + margin) == pytest.approx(0.9, abs=0.01)


def test_an_interval_that_is_too_wide_is_narrowed() -> None:
    truth = np.linspace(-1, 1, 1_000)
    bound = np.full_like(truth, 3)
    assert conformal_margin(-bound, bound, truth, 0.9) == pytest.approx(-2.1, abs=0.01)


def test_a_narrowed_interval_still_holds_the_price_and_the_limits() -> None:
    answer = IntervalAnswer(unit_usd=100.0, margin=-1.0, limits_usd=(50.0, 500.0))
    outputs = answer(tf.constant([[2.0, 1.5, 2.5], [9.0, 3.0, 12.0], [-1.0, -2.0, 4.0]]))
    assert outputs["price"].numpy().tolist() == [200, 500, 50]
    assert outputs["price_low"].numpy().tolist() == [200, 400, 50]
    assert outputs["price_high"].numpy().tolist() == [200, 500, 300]


def test_figures_of_known_answers() -> None:
    outputs = {
        "price": np.array([10, 20, 30], dtype=np.float32),
        "price_low": np.array([5, 19, 25], dtype=np.float32),
        "price_high": np.array([15, 21, 31], dtype=np.float32),
    }
    evaluation = evaluate(outputs, np.array([10, 24, 27], dtype=np.float32))
    figures = {metric.name: metric.value for metric in evaluation.metrics}
    assert figures["root_mean_squared_error"] == pytest.approx((25 / 3) ** 0.5)
    assert figures["mean_absolute_error"] == pytest.approx(7 / 3)
    assert figures["interval_coverage"] == pytest.approx(2 / 3)
    assert figures["interval_mean_width"] == pytest.approx(6)
    assert evaluation.residual_quantiles is not None
    assert evaluation.residual_quantiles["0.5"] == 0
