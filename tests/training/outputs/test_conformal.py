"""A p-value is small for few of what is as the held-out examples are, whatever the score."""

import numpy as np
import pytest
import tensorflow as tf

from training.outputs.conformal import MOST_KEPT, PValues


def p_values(scores: list[float], asked: list[float]) -> list[float]:
    found = PValues(np.array(scores))(tf.constant(asked, tf.float32)).numpy()
    return [float(each) for each in found]


def test_it_is_the_share_of_those_that_are_at_most_as_high() -> None:
    asked = [0.5, 1, 2.5, 3, 9]
    assert p_values([3, 1, 2], asked) == pytest.approx([0.25, 0.5, 0.75, 1, 1])


def test_equal_scores_are_at_most_as_high() -> None:
    assert p_values([1, 1, 1, 2], [1, 0]) == pytest.approx([0.8, 0.2])


def test_the_shape_stays_and_nothing_is_answered_with_nothing() -> None:
    values = PValues(np.arange(5.0))
    assert values(tf.zeros([2, 0, 3])).shape == (2, 0, 3)
    assert values(tf.zeros([4, 2])).shape == (4, 2)


@pytest.mark.parametrize("num_held_out", [50, 20 * MOST_KEPT])
def test_as_many_are_below_a_level_as_it_says(num_held_out: int) -> None:
    random = np.random.default_rng(0)
    values = PValues(random.standard_cauchy(num_held_out))
    found = values(tf.constant(random.standard_cauchy(50_000), tf.float32)).numpy()
    for level in (0.05, 0.1, 0.5):
        # What few held-out examples say of the tail scatters as their number lets it.
        scatter = 4 * np.sqrt(level / num_held_out) + 4 * np.sqrt(level / len(found))
        assert np.mean(found <= level) == pytest.approx(level, abs=scatter)


def test_of_many_held_out_examples_a_thousand_quantiles_say_the_same() -> None:
    random = np.random.default_rng(1)
    scores, asked = random.normal(size=30_000), random.normal(size=2_000).astype(np.float32)
    found = PValues(scores)(tf.constant(asked)).numpy()
    exact = (1 + np.searchsorted(np.sort(scores), asked, side="right")) / (1 + len(scores))
    np.testing.assert_allclose(found, exact, atol=2e-3)
