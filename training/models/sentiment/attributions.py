"""What each word adds to what the LSTM says, by integrated gradients.

Every word's vector is made out of nothing step by step, all of a text at once; what each does to
the logit on the way is its contribution. The steps are those of Gauss and Legendre, whose few miss
less than many of equal width. Source: M. Sundararajan, A. Taly, Q. Yan, "Axiomatic Attribution for
Deep Networks", ICML 2017.
"""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.block_lstm import lstm, lstm_gradients
from training.gradients import complete
from training.models.sentiment.fused import FusedNetwork

NUM_STEPS = 8


class Attributions(tf.Module):
    """Explains the logit of the LSTM of `network`, for texts of up to so many tokens."""

    def __init__(self, network: FusedNetwork, max_tokens: int, num_steps: int = NUM_STEPS) -> None:
        super().__init__()
        self._network = network
        nodes, weights = np.polynomial.legendre.leggauss(num_steps)  # on [-1, 1]
        self._steps = tf.constant((nodes + 1) / 2, tf.float32)
        self._step_weights = tf.constant(weights / 2, tf.float32)
        self._bases = tf.constant(self._say_nothing(max_tokens))

    def __call__(self, tokens: tf.Tensor, length: tf.Tensor, whole: tf.Tensor) -> tf.Tensor:
        """Give what each word adds, float32[time], and the base: the logit of as many nothings.

        `tokens` is int32[time], of one text, of which `length`, int32[], are real; `whole` is the
        text's logit, which base and words add up to.
        """
        base = tf.gather(self._bases, length)
        real = tf.cast(tf.range(tf.shape(tokens)[0]) < length, tf.float32)  # [time]
        read = tokens[: tf.maximum(length, 1)]
        vectors = tf.gather(self._network.weights()[0], read)  # [read, unit]
        gradient = self._gradient(self._steps[:, None] * vectors[:, None])  # [read, step, unit]
        mean = tf.einsum("tsu,s->tu", gradient, self._step_weights)
        added = complete(tf.reduce_sum(mean * vectors, axis=1), whole - base)  # [read]
        padding = [[0, tf.shape(tokens)[0] - tf.shape(read)[0]]]
        return tf.pad(added, padding) * real, base  # [time], []

    def _gradient(self, words: tf.Tensor) -> tf.Tensor:
        """Differentiate the logit of whole texts by their words, float32[time, text, n] as they."""
        _, lstms, kernel, _ = self._network.weights()
        of_highest, of_mean, *backwards = tf.split(kernel, 4)
        turned = tf.reverse(words, axis=[0])
        forth = _through(words, lstms[0], of_highest, of_mean)
        return forth + tf.reverse(_through(turned, lstms[1], *backwards), axis=[0])

    def _say_nothing(self, most: int) -> NDArray[np.float32]:
        """Give the logit of texts of 0, 1, 2 ... words that say nothing, float32[most + 1]."""
        vectors, lstms, kernel, bias = self._network.weights()
        nothing = tf.zeros([most, 1, vectors.shape[1]])
        pools = []
        for weights in lstms:
            states = lstm(nothing, *weights).h[:, 0].numpy()  # [most, unit]
            highest, total = np.maximum.accumulate(states), np.cumsum(states, axis=0)
            pools += [highest, total / np.arange(1, most + 1)[:, None]]
        units = states.shape[1]
        without_words = np.tile(np.repeat([-1.0, 0.0], units), 2)  # as the network pools them
        pooled = np.concatenate([without_words[None], np.concatenate(pools, axis=1)])
        logits: NDArray[np.float32] = (pooled @ kernel.numpy() + bias.numpy()).astype(np.float32)
        return logits


def _through(
    words: tf.Tensor,
    weights: tuple[tf.Tensor, tf.Tensor],
    of_highest: tf.Tensor,
    of_mean: tf.Tensor,
) -> tf.Tensor:
    """Differentiate what one LSTM adds to the logit, by its words, float32[time, text, n].

    The logit has so much of the highest and of the mean of each unit's states, float32[unit] each.
    """
    states = lstm(words, *weights)
    highest = tf.cast(states.h == tf.reduce_max(states.h, axis=0), tf.float32)
    share = highest / tf.reduce_sum(highest, axis=0)  # [time, text, unit]; of several, each a part
    num_words = tf.cast(tf.shape(words)[0], tf.float32)
    of_states = share * of_highest + of_mean / num_words
    return lstm_gradients(words, *weights, states, of_states)[0]
