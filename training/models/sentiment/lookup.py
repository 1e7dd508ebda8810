"""Finds numbers in a sorted list, in a graph."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.serving_graph import stored_once

HIGHEST = np.iinfo(np.int32).max  # a number that is never asked for


class Lookup:
    """The places of numbers in a list, found by halving it."""

    def __init__(self, known: NDArray[np.int32]) -> None:
        """Take int32[known], in order."""
        # One more, so that no place is beyond the last.
        known = np.append(known, np.int32(HIGHEST))
        self.num_places = len(known)
        self._known = stored_once(known)

    def __call__(self, numbers: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Give the place of each number, int32, and whether it is known, for int32 of any shape.

        Where a number is not known, its place is that of the next higher one.
        """
        known = self._known()
        flat = tf.reshape(numbers, [1, -1])  # [1, number]
        places = tf.raw_ops.LowerBound(sorted_inputs=known[None], values=flat)
        places = tf.reshape(places, tf.shape(numbers))  # as numbers came
        return places, tf.gather(known, places) == numbers
