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
    total = {name: tf.zeros_like(tensor) for name, tensor in inputs.items()}
    for step in range(NUM_STEPS):
        # The middle of each step, where the sum is most exact.
        point = {name: tensor * ((step + 0.5) / NUM_STEPS) for name, tensor in inputs.items()}
        with tf.GradientTape() as tape:
            tape.watch(point)
            answered = answer(point)
        slopes = tape.gradient(answered, point)
        total = {name: total[name] + slopes[name] for name in total}
    return {name: inputs[name] * total[name] / NUM_STEPS for name in total}


def completeness(
    answer: Callable[[Mapping[str, tf.Tensor]], tf.Tensor], inputs: Mapping[str, tf.Tensor]
) -> float:
    """Give the largest error of the sum, over the rows of `inputs`."""
    added = integrated_gradients(answer, inputs).values()
    sums = sum(tf.reduce_sum(tf.reshape(each, [len(each), -1]), axis=1) for each in added)
    base = answer({name: tf.zeros_like(tensor) for name, tensor in inputs.items()})
    return float(tf.reduce_max(tf.abs(answer(inputs) - base - sums)))
