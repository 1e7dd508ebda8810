"""The LSTM of one operation: it computes, and learns, as that of Keras does."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.block_lstm import BlockLSTM


@pytest.mark.parametrize("return_sequences", [False, True])
def test_states_and_derivatives_are_those_of_keras(return_sequences: bool) -> None:
    steps = tf.constant(np.random.default_rng(0).normal(size=(3, 7, 5)), tf.float32)
    penalty = keras.regularizers.L1L2(1e-2, 1e-2)
    options = {"return_sequences": return_sequences, "kernel_regularizer": penalty}
    theirs, ours = keras.layers.LSTM(4, **options), BlockLSTM(4, **options)
    theirs(steps)
    ours(steps)
    ours.set_weights(theirs.get_weights())

    def derivatives(layer: keras.layers.Layer) -> list[tf.Tensor]:
        weights = [weight.value for weight in layer.trainable_weights]
        with tf.GradientTape() as tape:
            tape.watch(steps)
            loss = tf.reduce_sum(layer(steps) ** 2) + sum(layer.losses)
        found: list[tf.Tensor] = tape.gradient(loss, [steps, *weights])
        return found

    np.testing.assert_allclose(ours(steps), theirs(steps), atol=1e-6)
    for here, there in zip(derivatives(ours), derivatives(theirs), strict=True):
        np.testing.assert_allclose(here, there, atol=1e-5)
