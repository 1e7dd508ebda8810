"""How like a text is to those that were learned from: by the share of its word pairs that is known.

Who writes in another language, in no language or about something else puts other words side by
side, also where each word is known.
"""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.outputs.conformal import PValues

# A text is judged as if it had so many more pairs, of which as many are known as in others: of a
# few words, one that is new proves nothing.
PAIRS_BEFOREHAND = 20


class Likeness(tf.Module):
    """Takes how many word pairs of each text are known and how many it has, float32[text, 2]."""

    def __init__(self, held_out: NDArray[np.float32]) -> None:
        super().__init__()
        known, all_pairs = held_out.sum(axis=0, dtype=np.float64)
        self._usual = float(known / max(all_pairs, 1))
        self._p_values = PValues(self._share(held_out).numpy())

    def __call__(self, pairs: tf.Tensor) -> tf.Tensor:
        """Give the familiarity of each text, float32[text]."""
        return self._p_values(self._share(pairs))

    def _share(self, pairs: tf.Tensor) -> tf.Tensor:
        known, all_pairs = tf.unstack(pairs, axis=1)
        return (known + PAIRS_BEFOREHAND * self._usual) / (all_pairs + PAIRS_BEFOREHAND)
