"""The sentiment network as it is served: the same function as the one that is trained, but fast.

Its weights are constants, time comes first, and what is pooled is what a text has.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.block_lstm import lstm
from training.models.sentiment.words import PADDING
from training.serving_graph import stored_once

BELOW_ALL_STATES = -2.0  # what an LSTM gives is in [-1, 1]


class FusedNetwork:
    """The weights of a trained sentiment network, as constants. Time comes first throughout.

    The operation wants it so, and to transpose the tokens costs less than to transpose vectors.
    `weights()` gives them: the vectors of the tokens, kernel and bias of the LSTM that reads
    forwards and of the one that reads backwards, and kernel and bias of the logit.
    """

    def __init__(self, network: keras.Model) -> None:
        layers = keras.layers
        ((vectors,),) = _weights_of(network, layers.Embedding)
        lstms = [_joined(*weights) for weights in _weights_of(network, layers.LSTM)]
        ((kernel, bias),) = _weights_of(network, layers.Dense)
        self.weights = stored_once((vectors, lstms, kernel[:, 0], bias[0]))

    def __call__(self, inputs: Mapping[str, tf.Tensor]) -> tf.Tensor:
        """Give float32[batch, 2], as `build_network` of the sentiment recipe says."""
        tokens = inputs["tokens"]  # [batch, time]
        real = tf.cast(tokens != PADDING, tf.int32)
        lengths = tf.reduce_sum(real, axis=1)  # [batch]
        mask = tf.cast(tf.transpose(real), tf.float32)[..., None]  # [time, batch, 1]
        count = tf.cast(tf.maximum(lengths, 1), tf.float32)[:, None]  # [batch, 1]
        turned = tf.reverse_sequence(tokens, lengths, seq_axis=1)
        vectors, lstms, kernel, bias = self.weights()
        pools = []
        for sequence, weights in zip((tokens, turned), lstms, strict=True):
            words = tf.gather(vectors, tf.transpose(sequence))  # [time, batch, embedding]
            states = lstm(words, *weights).h  # [time, batch, unit]
            # Arithmetic, as a choice element by element takes several times as long on a CPU.
            highest = tf.reduce_max(states + BELOW_ALL_STATES * (1 - mask), axis=0)
            total = tf.reduce_sum(states * mask, axis=0)
            pools += [tf.maximum(highest, -1.0), total / count]  # [batch, unit] each
        pooled = tf.concat(pools, axis=1)  # [batch, 4 * unit]
        # A product and a sum, as a product of matrices with one column is prepared for longer than
        # it takes.
        logit = tf.reduce_sum(pooled * kernel, axis=1) + bias  # [batch]
        return tf.stack([logit, inputs["ngrams"]], axis=1)  # [batch, 2]


def _weights_of(network: keras.Model, kind: Any) -> Sequence[list[NDArray[np.float32]]]:
    """Give the weights of each layer of a kind, in the order in which the network was built."""
    return [layer.get_weights() for layer in network.layers if isinstance(layer, kind)]


def _joined(
    kernel: NDArray[np.float32], recurrent_kernel: NDArray[np.float32], bias: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give one matrix, float32[n + unit, 4 * unit], and the bias, of a `keras.layers.LSTM`."""
    return np.concatenate([kernel, recurrent_kernel]), bias
