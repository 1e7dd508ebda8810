"""An LSTM as one operation, also while it learns: as Keras' own computes, but without its loop.

Keras traces an LSTM as a loop of small operations, whose bookkeeping costs more than its arithmetic
at batch 1, and as much as it while the network learns on a CPU. The gradient that TensorFlow has
registered for the one operation is that of another order of gates, so that the right one is named
here.
"""

from typing import Any

import keras
import tensorflow as tf


def lstm(words: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> Any:
    """Give the states after each step, `h` and others, float32[time, batch, unit] each.

    `words` is float32[time, batch, n], `kernel` is float32[n + unit, 4 * unit], the kernel of
    `keras.layers.LSTM` above its recurrent one; Keras' gates are i, f, c, o.
    """
    return tf.raw_ops.BlockLSTMV2(**_arguments(words, kernel, bias))


def lstm_gradients(
    words: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor, states: Any, of_states: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Give the derivatives by `words`, `kernel` and `bias`.

    They are those for the derivative by `h` of the `states` that `lstm` gave.
    """
    found = tf.raw_ops.BlockLSTMGradV2(
        **_arguments(words, kernel, bias),
        **states._asdict(),
        cs_grad=tf.zeros_like(states.cs),
        h_grad=of_states,
        use_peephole=False,
    )
    return found.x_grad, found.w_grad, found.b_grad


class BlockLSTM(keras.layers.LSTM):
    """Gives what `keras.layers.LSTM` gives for float32[batch, time, n], by the same weights.

    There is no state before the first step, no mask, and no dropout between steps.
    """

    def call(
        self, sequences: tf.Tensor, initial_state: None = None, **arguments: object
    ) -> tf.Tensor:
        """Give float32[batch, unit], or with `return_sequences` float32[batch, time, unit]."""
        if keras.backend.backend() != "tensorflow":  # JAX, say, which fits on several machines
            return super().call(sequences, initial_state, **arguments)
        cell = self.cell
        kernel = tf.concat([cell.kernel, cell.recurrent_kernel], axis=0)  # [n + unit, 4 * unit]
        steps = tf.transpose(sequences, [1, 0, 2])  # [time, batch, n]
        states = _learning(steps, kernel, tf.convert_to_tensor(cell.bias))
        return tf.transpose(states, [1, 0, 2]) if self.return_sequences else states[-1]


@tf.custom_gradient
def _learning(words: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> Any:
    states = lstm(words, kernel, bias)

    def gradient(of_states: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        return lstm_gradients(words, kernel, bias, states, of_states)

    return states.h, gradient


def _arguments(words: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> dict[str, Any]:
    """Give what the operation and its gradient take, without peepholes and a state before."""
    time, batch, _ = tf.unstack(tf.shape(words, tf.int64))
    units = bias.shape[0] // 4
    nothing, no_peephole = tf.zeros([batch, units]), tf.zeros([units])
    return {
        "seq_len_max": time,
        "x": words,
        "cs_prev": nothing,
        "h_prev": nothing,
        "w": kernel,
        **dict.fromkeys(("wci", "wcf", "wco"), no_peephole),
        "b": bias,
    }
