"""An LSTM in one operation gives and learns what that of Keras does."""

import keras
import numpy as np
import tensorflow as tf

from training.models.sentiment.block_lstm import BlockLSTM

RANDOM = np.random.default_rng(0)
WORDS = tf.constant(RANDOM.normal(size=(3, 7, 5)), tf.float32)  # [batch, time, n]
WANTED = tf.constant(RANDOM.normal(size=(3, 7, 4)), tf.float32)


def states_and_gradients(layer: keras.layers.Layer) -> list[tf.Tensor]:
    layer.build(WORDS.shape)
    random = np.random.default_rng(1)
    layer.set_weights([random.normal(size=weight.shape) for weight in layer.weights])
    with tf.GradientTape() as tape:
        tape.watch(WORDS)
        states = layer(WORDS)
        loss = tf.reduce_sum(states * WANTED)
    variables = [weight.value for weight in layer.trainable_weights]
    return [states, *tape.gradient(loss, [WORDS, *variables])]


def test_it_gives_and_learns_what_that_of_keras_does() -> None:
    keras_own, one_operation = (
        states_and_gradients(layer(4, return_sequences=True))
        for layer in (keras.layers.LSTM, BlockLSTM)
    )
    for expected, found in zip(keras_own, one_operation, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)
