"""Keras layers over right-padded sequences, exact for every length; know nothing of words.

The time axis is padded with whatever on the right; `lengths`, int32[batch], says what is real.
"""

from typing import Any

import keras
import tensorflow as tf
from keras import ops


class ReverseSequence(keras.layers.Layer):
    """Reverse the real steps of each row, and leave its padding where it is."""

    def call(self, tokens: Any, lengths: Any) -> Any:
        """Give int32[batch, time] for the same."""
        steps = ops.arange(ops.shape(tokens)[1])[None]
        mirrored = ops.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
        return ops.take_along_axis(tokens, mirrored, axis=1)


class PoolSequence(keras.layers.Layer):
    """Join the maximum and the mean of each unit over the real steps of each row."""

    def call(self, sequences: Any, lengths: Any) -> Any:
        """Give float32[batch, 2 * unit] for float32[batch, time, unit] in [-1, 1]."""
        steps = ops.arange(ops.shape(sequences)[1])[None]
        real = ops.cast(steps < lengths[:, None], sequences.dtype)[:, :, None]
        # Arithmetic, as a choice element by element takes several times as long on a CPU.
        highest = ops.max(sequences + 2.0 * (real - 1.0), axis=1, initial=-1.0)
        total = ops.sum(sequences * real, axis=1)
        count = ops.cast(ops.maximum(lengths, 1), total.dtype)[:, None]
        return ops.concatenate([highest, total / count], axis=1)


class FusedLSTM(keras.layers.Layer):
    """The states of a Keras LSTM with its loop inside one operation: for inference alone.

    Keras traces a loop of small operations, whose bookkeeping costs more than its arithmetic at
    batch 1. The operation's registered gradient is that of another gate order, so training with
    this layer would go wrong silently. The weights are those of `keras.layers.LSTM`.
    """

    def __init__(self, units: int) -> None:
        super().__init__()
        self.units = units

    def build(self, shape: tuple[int | None, int | None, int]) -> None:
        """Make the weights, in the order of Keras' own layer; gates are i, f, c, o."""
        self.kernel = self.add_weight((shape[-1], 4 * self.units))
        self.recurrent_kernel = self.add_weight((self.units, 4 * self.units))
        self.bias = self.add_weight((4 * self.units,))

    def call(self, sequences: tf.Tensor, mask: None = None) -> tf.Tensor:  # noqa: ARG002, as LSTM
        """Give the state after each step, float32[batch, time, unit]."""
        batch, time = tf.unstack(tf.shape(sequences)[:2])
        nothing = tf.zeros([batch, self.units])
        no_peephole = tf.zeros([self.units])
        states = tf.raw_ops.BlockLSTMV2(
            seq_len_max=tf.cast(time, tf.int64),
            x=tf.transpose(sequences, [1, 0, 2]),  # the operation wants time first
            cs_prev=nothing,
            h_prev=nothing,
            w=tf.concat([self.kernel, self.recurrent_kernel], axis=0),
            wci=no_peephole,
            wcf=no_peephole,
            wco=no_peephole,
            b=self.bias,
        ).h
        return tf.transpose(states, [1, 0, 2])


def fuse(network: keras.Model) -> keras.Model:
    """Give a copy of the network, for inference, that has each LSTM as one operation."""

    def fused(layer: keras.layers.Layer) -> keras.layers.Layer:
        if isinstance(layer, keras.layers.LSTM):
            return FusedLSTM(layer.units)
        return type(layer).from_config(layer.get_config())

    copy = keras.models.clone_model(network, clone_function=fused)
    copy.set_weights(network.get_weights())
    return copy
