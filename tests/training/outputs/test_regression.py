"""Intervals and figures of regressors, on answers whose figures are known."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from training.outputs.regression import (
    Calibration,
    IntervalAnswer,
    calibrate,
    conformal_quantile,
    evaluate,
)


def bounds_about(price: NDArray[np.float64], half_width: float) -> NDArray[np.float64]:
    return np.stack([price, price - half_width, price + half_width], axis=1)


def no_difficulty(number: int) -> NDArray[np.float32]:
    return np.zeros((number, 0), np.float32)


def test_intervals_cover_unseen_rows_at_every_price_and_however_difficult() -> None:
    random = np.random.default_rng(0)
    known, unseen = slice(6_000), slice(6_000, None)
    price = random.uniform(1, 5, 40_000)
    difficulty = random.uniform(0, 3, (40_000, 1))
    # Dear houses vary more, and so do difficult ones.
    truth = price + random.normal(size=len(price)) * (price + difficulty[:, 0]) / 10
    bounds = bounds_about(price, 0.1)
    calibration = calibrate(bounds[known], difficulty[known], truth[known], coverage=0.9, bins=5)
    answer = IntervalAnswer(unit_usd=1.0, calibration=calibration, limits_usd=(-9.0, 99.0))
    outputs = answer(*(tf.constant(each[unseen], tf.float32) for each in (bounds, difficulty)))
    inside = (outputs["price_low"] <= truth[unseen]) & (truth[unseen] <= outputs["price_high"])
    for quantity in (price[unseen], difficulty[unseen, 0]):
        for fifth in np.array_split(inside.numpy()[np.argsort(quantity)], 5):
            assert fifth.mean() == pytest.approx(0.9, abs=0.02)


def test_what_is_more_difficult_never_has_a_narrower_interval() -> None:
    random = np.random.default_rng(0)
    difficulty = random.uniform(0, 3, (1_000, 1))
    price, truth = np.full(1_000, 2.0), 2 + random.normal(size=1_000) * (4 - difficulty[:, 0])
    calibration = calibrate(bounds_about(price, 1), difficulty, truth, coverage=0.9, bins=1)
    assert calibration.slopes == pytest.approx([0], abs=1e-6)


@pytest.mark.parametrize("number", [9, 10, 20, 99, 1_000])
def test_the_conformal_quantile_is_the_lowest_that_holds_a_further_score(number: int) -> None:
    """A further score is as likely to come after any number of the known ones."""
    rank = conformal_quantile(np.arange(1.0, number + 1)[::-1], coverage=0.9)
    assert rank / (number + 1) >= 0.9
    assert (rank - 1) / (number + 1) < 0.9


def test_few_scores_give_the_highest_of_them() -> None:
    assert conformal_quantile(np.array([3.0, 1.0]), coverage=0.9) == 3


def test_an_interval_that_is_too_wide_is_narrowed() -> None:
    truth = np.linspace(-1, 1, 1_000)
    calibration = calibrate(
        bounds_about(np.zeros(1_000), 3), no_difficulty(1_000), truth, coverage=0.9, bins=1
    )
    assert calibration.stretches == pytest.approx([0.3], abs=0.01)


@pytest.mark.parametrize(("numbers", "num_stretches"), [([1_000, 0], 1), ([500, 500], 2)])
def test_equal_prices_share_a_stretch(numbers: list[int], num_stretches: int) -> None:
    price, truth = np.repeat([1.0, 1.5], numbers), np.linspace(0, 2, 1_000)
    bounds = bounds_about(price, 0.1)
    calibration = calibrate(bounds, no_difficulty(1_000), truth, coverage=0.9, bins=5)
    assert len(calibration.stretches) == num_stretches
    assert np.isfinite(calibration.stretches).all()


EDGES, STRETCHES, SLOPES = (np.array(each, np.float32) for each in ([4], [0.5, 2], [1, 0.5]))
ANSWER = IntervalAnswer(
    unit_usd=100.0, calibration=Calibration(EDGES, STRETCHES, SLOPES), limits_usd=(50.0, 700.0)
)


def test_price_and_difficulty_choose_the_stretch_and_everything_keeps_the_limits() -> None:
    bounds = [[2.0, 1.0, 4.0], [2.0, 1.0, 4.0], [4.0, 3.0, 6.0], [-1.0, -2.0, 4.0]]
    difficulty = [[0.0, 0.0], [0.25, 0.5], [0.0, 0.0], [0.0, 0.0]]
    outputs = ANSWER(tf.constant(bounds), tf.constant(difficulty))
    assert outputs["price"].numpy().tolist() == [200, 200, 400, 50]
    assert outputs["price_low"].numpy().tolist() == [150, 100, 200, 50]
    assert outputs["price_high"].numpy().tolist() == [300, 400, 700, 300]


@pytest.mark.parametrize("price", [-1e4, 0.5, 3.0, 7.0, 1e4])
def test_no_interval_is_without_width_wherever_its_price_is(price: float) -> None:
    outputs = ANSWER(tf.constant([[price] * 3]), tf.zeros([1, 2]))
    assert (outputs["price_high"] - outputs["price_low"]).numpy() > 0.4
    assert outputs["price_low"] <= outputs["price"] <= outputs["price_high"]


def test_figures_of_known_answers() -> None:
    price, below, above, truth = (
        np.repeat(np.array(numbers, np.float32), 2)  # two in each fifth
        for numbers in (
            [10, 20, 30, 40, 50],
            [5, 1, 5, 5, 5],
            [5, 1, 1, 5, 5],
            [10, 24, 27, 40, 50],
        )
    )
    outputs = {"price": price, "price_low": price - below, "price_high": price + above}
    evaluation = evaluate(outputs, truth)
    figures = {metric.name: metric.value for metric in evaluation.metrics}
    assert figures["root_mean_squared_error"] == pytest.approx(5**0.5)
    assert figures["mean_absolute_error"] == pytest.approx(7 / 5)
    assert figures["interval_coverage"] == pytest.approx(4 / 5)
    assert figures["interval_coverage_lowest_fifth"] == 1
    assert figures["interval_coverage_second_fifth"] == 0
    assert figures["interval_mean_width"] == pytest.approx(38 / 5)
    assert 6 <= figures["constant_width"] < 8  # what holds 27, but not 24
    assert evaluation.residual_quantiles is not None
    assert evaluation.residual_quantiles["0.5"] == 0


def test_the_standard_error_of_the_error_is_its_scatter_over_other_examples() -> None:
    random = np.random.default_rng(0)
    errors = []
    for _ in range(300):
        truth, noise = random.normal(size=(2, 200)).astype(np.float32)
        outputs = dict.fromkeys(("price", "price_low", "price_high"), truth + noise)
        errors.append(evaluate(outputs, truth).metrics[0])
    scatter = np.std([error.value for error in errors])
    assert np.mean([error.standard_error or 0 for error in errors]) == pytest.approx(
        scatter, rel=0.2
    )
