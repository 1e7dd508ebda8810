"""Integrated gradients: they add up to the answer, and are known where it is a sum of squares."""

import numpy as np
import pytest
import tensorflow as tf

from training.gradients import complete, completeness, integrated_gradients


def answer(inputs):  # type: ignore[no-untyped-def]  # tensors in, a tensor out
    return tf.reduce_sum(inputs["a"] ** 2, axis=1) + 3 * inputs["b"] + 7


def test_what_each_value_adds() -> None:
    inputs = {"a": tf.constant([[1.0, -2.0]]), "b": tf.constant([4.0])}

    added = integrated_gradients(answer, inputs)

    np.testing.assert_allclose(added["a"], [[1, 4]], rtol=1e-5)
    np.testing.assert_allclose(added["b"], [12], rtol=1e-5)
    assert completeness(answer, inputs) == pytest.approx(0, abs=1e-4)


def test_what_is_missed_is_given_in_proportion_to_the_size_and_else_to_all_alike() -> None:
    contributions = tf.constant([[1.0, -3.0], [0.0, 0.0]])

    added = complete(contributions, tf.constant([2.0, 1.0]))

    np.testing.assert_allclose(added, np.array([[2, 0], [0.5, 0.5]]), atol=1e-6)
    assert complete(tf.zeros([0]), tf.constant(1.0)).shape == (0,)
