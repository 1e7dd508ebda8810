"""The index is nothing by chance, and what it says is as sure as it says."""

import numpy as np
import pytest
from scipy.stats import chi2

from serving.gateway.drift.statistics import SURE, chi_squared_tail, shift

TENTHS = np.array([0.1] * 10 + [0.0])


@pytest.mark.parametrize("freedom", [1, 2, 3, 9, 10, 51])
@pytest.mark.parametrize("value", [0.0, 0.01, 1, 9, 80, 700])
def test_the_tail_is_that_of_the_distribution(freedom: int, value: float) -> None:
    assert chi_squared_tail(value, freedom) == pytest.approx(chi2.sf(value, freedom), rel=1e-9)


@pytest.mark.parametrize("num_rows", [500, 5_000])
def test_by_chance_it_is_about_nothing_and_its_p_values_are_as_rare_as_they_say(
    num_rows: int,
) -> None:
    random = np.random.default_rng(0)
    num_training = 3_000
    found = []
    for _ in range(2_000):
        training = random.multinomial(num_training, TENTHS) / num_training
        found.append(shift(random.multinomial(num_rows, TENTHS), training, num_training))
    assert np.mean([each.index for each in found]) < 0.005
    for level in (0.5, 0.1, 0.01):
        share = np.mean([each.p_value <= level for each in found])
        assert share == pytest.approx(level, abs=4 * np.sqrt(level / 2_000))


def test_the_index_is_the_symmetrised_relative_entropy() -> None:
    live, training = np.array([600_000, 400_000]), np.array([0.5, 0.5])
    entropy = 0.1 * np.log(0.6 / 0.5) - 0.1 * np.log(0.4 / 0.5)
    found = shift(live, training, 1_000_000)
    assert found.index == pytest.approx(entropy, rel=1e-3)
    assert found.p_value < SURE


def test_what_nobody_has_seen_is_no_infinity() -> None:
    live = np.array([0] * 10 + [1_000])  # all of them missing
    found = shift(live, TENTHS, 3_000)
    assert 1 < found.index < 100
    assert found.p_value == 0


@pytest.mark.parametrize(
    ("live", "training", "count"),
    [([0, 0], [0.5, 0.5], 10), ([5, 5], [0.0, 0.0], 0), ([5], [1.0], 10)],
)
def test_nothing_is_read_into_nothing(live: list[int], training: list[float], count: int) -> None:
    found = shift(np.array(live), np.array(training), count)
    assert (found.index, found.p_value) == (0, 1)
