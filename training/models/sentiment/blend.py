"""One calibrated probability of what the LSTM and the n-grams say, by how long the text is.

In a few words each n-gram weighs much, and one that is read the wrong way around decides: how far
either branch is trusted depends on the number of words.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.outputs.classification import fit_blend

USUAL_WORDS = 200  # about what a review has


@dataclass(frozen=True)
class Blend:
    """The log-odds of the second class are `weights` times those of the branches, and `bias`.

    `weights` is float32[2, 2]: of each branch at the usual number of words, and what is added for
    each e-fold of it.
    """

    weights: NDArray[np.float32]
    bias: float

    def of(self, num_words: Any) -> tf.Tensor:
        """Give the weights of both branches, float32[text, 2], for texts of so many words."""
        return self.weights[0] + self.weights[1] * _folds(num_words)[:, None]

    def __call__(self, branches: Any, num_words: Any) -> tf.Tensor:
        """Give the log-odds, float32[text], of branches float32[text, 2] and float32[text]."""
        return tf.reduce_sum(branches * self.of(num_words), axis=1) + self.bias


def weigh(branches: NDArray[Any], num_words: NDArray[Any], targets: NDArray[Any]) -> Blend:
    """Fit it on texts of many lengths that neither branch was fitted on."""
    folds = _folds(tf.constant(num_words, tf.float32)).numpy()[:, None]
    weights, bias = fit_blend(np.concatenate([branches, branches * folds], axis=1), targets)
    return Blend(weights.reshape(2, 2), bias)


def _folds(num_words: Any) -> tf.Tensor:
    return tf.math.log((num_words + 1) / (USUAL_WORDS + 1))
