"""What each input adds to an answer, by integrated gradients; knows no network.

Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
"""

from collections.abc import Callable, Mapping

import tensorflow as tf

NUM_STEPS = 24  # on the way from nothing to the inputs


def integrated_gradients(
    answer: Callable[[Mapping[str, tf.Tensor]], tf.Tensor], inputs: Mapping[str, tf.Tensor]
) -> dict[str, tf.Tensor]:
    """Give what each value of `inputs`, float32[batch, ...], adds to `answer`, float32[batch].

    Together they are what the answer is more than that to zeros, but for the error of the sum.
    """
    # The middle of each step, where the sum is most exact; all steps at once, as so many rows.
    shares = (tf.range(NUM_STEPS, dtype=tf.float32) + 0.5) / NUM_STEPS  # [step]
    points = {name: _rows(shares, tensor) for name, tensor in inputs.items()}
    with tf.GradientTape() as tape:
        tape.watch(points)
        answered = answer(points)
    slopes = tape.gradient(answered, points)
    return {name: tensor * _mean(slopes[name], tensor) for name, tensor in inputs.items()}


def _rows(shares: tf.Tensor, tensor: tf.Tensor) -> tf.Tensor:
    """Give each share of float32[batch, ...] in turn, float32[step * batch, ...]."""
    stretched = tf.tensordot(shares, tensor, axes=0)  # [step, batch, ...]
    return tf.reshape(stretched, [-1, *tensor.shape[1:]])


def _mean(rows: tf.Tensor, tensor: tf.Tensor) -> tf.Tensor:
    """Give the mean over the shares of what `_rows` made of the tensor, float32[batch, ...]."""
    steps = tf.reshape(rows, tf.concat([[NUM_STEPS], tf.shape(tensor)], axis=0))
    return tf.reduce_mean(steps, axis=0)


def completeness(
    answer: Callable[[Mapping[str, tf.Tensor]], tf.Tensor], inputs: Mapping[str, tf.Tensor]
) -> float:
    """Give the largest error of the sum, over the rows of `inputs`."""
    added = integrated_gradients(answer, inputs).values()
    sums = sum(tf.reduce_sum(tf.reshape(each, [len(each), -1]), axis=1) for each in added)
    base = answer({name: tf.zeros_like(tensor) for name, tensor in inputs.items()})
    return float(tf.reduce_max(tf.abs(answer(inputs) - base - sums)))


def complete(contributions: tf.Tensor, totals: tf.Tensor) -> tf.Tensor:
    """Make contributions, float32[..., part], add up to totals, float32[...].

    What they miss is given to all parts in proportion to what they have, whatever its sign; if none
    has anything, to all alike.
    """
    size = tf.abs(contributions)
    size = tf.where(tf.reduce_any(size > 0, axis=-1, keepdims=True), size, tf.ones_like(size))
    missing = (totals - tf.reduce_sum(contributions, axis=-1))[..., None]
    return contributions + missing * size / tf.reduce_sum(size, axis=-1, keepdims=True)
