"""Layers over padded sequences are exact at every length."""

import numpy as np
import tensorflow as tf

from training.models.sentiment.sequences import PoolSequence, ReverseSequence


def test_reversing_leaves_the_padding_where_it_is() -> None:
    tokens = tf.constant([[1, 2, 3, 0], [4, 0, 0, 0], [0, 0, 0, 0]])
    turned = ReverseSequence()(tokens, tf.constant([3, 1, 0]))
    assert turned.numpy().tolist() == [[3, 2, 1, 0], [4, 0, 0, 0], [0, 0, 0, 0]]


def test_pooling_does_not_see_the_padding() -> None:
    states = tf.constant([[[0.5], [-0.3], [0.9]], [[-0.5], [-0.7], [0.9]]])
    pooled = PoolSequence()(states, tf.constant([2, 2]))
    np.testing.assert_allclose(pooled, [[0.5, 0.1], [-0.5, -0.6]], atol=1e-6)


def test_a_sequence_without_steps_is_pooled_to_something_finite() -> None:
    pooled = PoolSequence()(tf.ones([1, 1, 2]), tf.constant([0]))
    assert np.isfinite(pooled).all()
