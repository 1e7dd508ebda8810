"""How ordinary a score is among those of held-out examples, in a graph; knows no kind of score.

Source: V. Vovk, A. Gammerman, G. Shafer, "Algorithmic Learning in a Random World", 2005: of a
score that is exchangeable with n held-out ones, (1 + the number of them that are at most as high) /
(n + 1) is at most u with a probability of at most u.
"""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

MOST_KEPT = 1_000  # scores; of more, as many quantiles


class PValues(tf.Module):
    """Turns scores, the higher the more ordinary, into p-values, of which few are small."""

    def __init__(self, scores: NDArray[np.floating]) -> None:
        """Take float[example]: the scores of examples that nothing was fitted on."""
        super().__init__()
        kept = np.sort(np.asarray(scores, np.float32))
        if len(kept) > MOST_KEPT:
            # The lower neighbour: a p-value may come out too small, by a thousandth, never too big.
            places = np.linspace(0, 1, MOST_KEPT)
            kept = np.quantile(kept, places, method="higher").astype(np.float32)
        self._kept = tf.constant(kept)

    def __call__(self, scores: tf.Tensor) -> tf.Tensor:
        """Give the p-value of each score, float32 in (0, 1], for float32 of any shape."""
        flat = tf.reshape(scores, [1, -1])  # [1, score]
        at_most = tf.searchsorted(self._kept[None], flat, side="right")  # [1, score]
        values = tf.cast(1 + at_most, tf.float32) / (1 + len(self._kept))
        return tf.reshape(values, tf.shape(scores))
