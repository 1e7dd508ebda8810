"""Integrated gradients: they add up to the answer, and are known where it is a sum of squares."""

import numpy as np
import pytest
import tensorflow as tf

from training.gradients import completeness, integrated_gradients


def answer(inputs):  # type: ignore[no-untyped-def]  # tensors in, a tensor out
    return tf.reduce_sum(inputs["a"] ** 2, axis=1) + 3 * inputs["b"] + 7


def test_what_each_value_adds() -> None:
    inputs = {"a": tf.constant([[1.0, -2.0]]), "b": tf.constant([4.0])}

    added = integrated_gradients(answer, inputs)

    np.testing.assert_allclose(added["a"], [[1, 4]], rtol=1e-5)
    np.testing.assert_allclose(added["b"], [12], rtol=1e-5)
    assert completeness(answer, inputs) == pytest.approx(0, abs=1e-4)
