"""Keras layers over right-padded sequences, exact for every length; know nothing of words.

The time axis is padded with whatever on the right; `lengths`, int32[batch], says what is real.
"""

from typing import Any

import keras
from keras import ops


class ReverseSequence(keras.layers.Layer):
    """Reverse the real steps of each row, and leave its padding where it is."""

    def call(self, tokens: Any, lengths: Any) -> Any:
        """Give int32[batch, time] for the same."""
        steps, lengths = ops.arange(ops.shape(tokens)[1])[None], lengths[:, None]
        turned = ops.where(steps < lengths, lengths - 1 - steps, steps)  # [batch, time]
        return ops.take_along_axis(tokens, turned, axis=1)


class PoolSequence(keras.layers.Layer):
    """Join the maximum and the mean of each unit over the real steps of each row."""

    def call(self, sequences: Any, lengths: Any) -> Any:
        """Give float32[batch, 2 * unit] for float32[batch, time, unit] in [-1, 1]."""
        steps = ops.arange(ops.shape(sequences)[1])[None]
        real = ops.cast(steps < lengths[:, None], sequences.dtype)[:, :, None]  # [batch, time, 1]
        # Arithmetic, as a choice element by element takes several times as long on a CPU.
        highest = ops.max(sequences + 2.0 * (real - 1.0), axis=1, initial=-1.0)
        total = ops.sum(sequences * real, axis=1)  # [batch, unit], as highest
        count = ops.cast(ops.maximum(lengths, 1), total.dtype)[:, None]  # [batch, 1]
        return ops.concatenate([highest, total / count], axis=1)
