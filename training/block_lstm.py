"""An LSTM as one operation, also while it learns: as Keras' own computes, but without its loop.

Keras traces an LSTM as a loop of small operations, whose bookkeeping costs more than its arithmetic
at batch 1, and as much as it while the network learns on a CPU. The gradient that TensorFlow has
registered for the one operation is that of another order of gates, so that the right one is named
here.
"""

from typing import Any

import keras
import tensorflow as tf


class BlockLSTM(keras.layers.LSTM):
    """Gives what `keras.layers.LSTM` gives for float32[batch, time, n], by the same weights.

    There is no state before the first step, no mask, and no dropout between steps.
    """

    def call(
        self, sequences: tf.Tensor, initial_state: None = None, **_unused: object
    ) -> tf.Tensor:
        """Give float32[batch, unit], or with `return_sequences` float32[batch, time, unit]."""
        del initial_state  # Keras looks for it by its name
        cell = self.cell
        kernel = tf.concat([cell.kernel, cell.recurrent_kernel], axis=0)  # [n + unit, 4 * unit]
        steps = tf.transpose(sequences, [1, 0, 2])  # [time, batch, n]
        states = _states(steps, kernel, tf.convert_to_tensor(cell.bias))
        return tf.transpose(states, [1, 0, 2]) if self.return_sequences else states[-1]


@tf.custom_gradient
def _states(steps: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> Any:
    """Give what the LSTM gives after each step, float32[time, batch, unit].

    `steps` is float32[time, batch, n], `kernel` float32[n + unit, 4 * unit]; the gates are i, f, c
    and o, as Keras has them.
    """
    time, batch, _ = tf.unstack(tf.shape(steps, tf.int64))
    units = bias.shape[0] // 4
    nothing, no_peephole = tf.zeros([batch, units]), tf.zeros([units])
    arguments = {
        "seq_len_max": time,
        "x": steps,
        "cs_prev": nothing,
        "h_prev": nothing,
        "w": kernel,
        **dict.fromkeys(("wci", "wcf", "wco"), no_peephole),
        "b": bias,
    }
    states = tf.raw_ops.BlockLSTMV2(**arguments)

    def gradient(of_states: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        found = tf.raw_ops.BlockLSTMGradV2(
            **arguments,
            **states._asdict(),
            cs_grad=tf.zeros_like(states.cs),
            h_grad=of_states,
            use_peephole=False,
        )
        return found.x_grad, found.w_grad, found.b_grad

    return states.h, gradient
