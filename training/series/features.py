"""What a network sees of windows of hours: numbers, categories, and what of them is missing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf

from training.data.examples import Examples
from training.series.table import Series

NUM_OWN = 2  # the first features of an hour: the target's value, and whether it is known
SMALLEST_DEVIATION = 1e-6  # of a column: one that never changes must not divide by zero


class Features(tf.Module):
    """Gives `hours`, float32[batch, past, feature], and `last`, float32[batch].

    `last` is the target's last known value. What is missing is 0, as what is usual is; flags tell
    the two apart. `level` is the deviation and the mean that `last` was standardised by.
    """

    def __init__(self, series: Series, train: Examples, *, others: bool) -> None:
        super().__init__()
        self._series, self._others = series, others
        self._names = series.numbers if others else [series.target]
        values = [self._levelled(name, train.inputs[name]).numpy() for name in self._names]
        self._means = [float(np.nanmean(each)) for each in values]
        self._deviations = [max(float(np.nanstd(each)), SMALLEST_DEVIATION) for each in values]
        self.level = self._deviations[0], self._means[0]

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Give the features of a batch, from the tensors of the signature."""
        rows = zip(self._names, self._means, self._deviations, strict=True)
        values = [(self._levelled(name, inputs[name]) - mean) / scale for name, mean, scale in rows]
        filled = [tf.where(tf.math.is_nan(each), 0.0, each) for each in values]
        known = [tf.cast(~tf.math.is_nan(each), tf.float32) for each in values]
        columns = [filled[0], known[0], *filled[1:], *known[1:]]
        if self._others:
            for name, categories in self._series.categories.items():
                columns += [
                    tf.cast(tf.equal(inputs[name], each), tf.float32) for each in categories
                ]
        last = tf.gather(filled[0], last_hour(known[0]), batch_dims=1)
        return {"hours": tf.stack(columns, axis=2), "last": last}

    def _levelled(self, name: str, values: Any) -> tf.Tensor:
        values = tf.convert_to_tensor(values)
        return tf.math.log1p(values) if name in self._series.logarithmic else values


def last_hour(known: tf.Tensor) -> tf.Tensor:
    """Give the place of the last 1 in each row of float32[batch, past], int32[batch]."""
    return tf.reduce_max(tf.cast(known, tf.int32) * tf.range(known.shape[1]), axis=1)


def hide_others(hours: tf.Tensor, is_hidden: tf.Tensor) -> tf.Tensor:
    """Make all but the target's own features missing, where bool[batch] says so."""
    kept = tf.cast(~is_hidden, tf.float32)[:, None, None]
    return tf.concat([hours[..., :NUM_OWN], hours[..., NUM_OWN:] * kept], axis=2)
