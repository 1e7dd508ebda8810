"""How like a picture is to those that were learned from, by what the network makes of it.

Two things give a stranger away. Its colours and edges are not mixed as in pictures of things: that
is seen early in the network, by the Mahalanobis distance of its maps' means. Source: K. Lee et al.,
"A Simple Unified Framework for Detecting Out-of-Distribution Samples and Adversarial Attacks",
NeurIPS 2018. And it has little of what the last layer looks for, whose answers are then weak.
Source: A. R. Dhamija, M. Günther, T. E. Boult, "Reducing Network Agnostophobia", NeurIPS 2018.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.models.image.network import EARLY, LAST
from training.outputs.conformal import PValues

SHRINKAGE = 1e-3  # of the covariance towards a sphere, so that a map that is never lit is no wall

Seen = Mapping[str, tf.Tensor]


class Likeness(tf.Module):
    """Takes what the network sees of pictures: `EARLY` and `LAST`, float32[batch, filter] each.

    Both ways to tell a stranger become p-values of held-out pictures, and count alike.
    """

    def __init__(self, learned: Mapping[str, NDArray[np.float32]], held_out: Seen) -> None:
        super().__init__()
        early = learned[EARLY].astype(np.float64)  # [example, filter]
        covariance = np.cov(early.T)
        sphere = np.eye(len(covariance)) * max(float(np.trace(covariance)) / len(covariance), 1e-12)
        shrunk = (1 - SHRINKAGE) * covariance + SHRINKAGE * sphere
        # Of the inverse, a root: a distance is then the length of a vector, and never below zero.
        root = np.linalg.cholesky(np.linalg.inv(shrunk))  # [filter, filter]
        self._mean = tf.constant(early.mean(axis=0), tf.float32)
        self._root = tf.constant(root, tf.float32)
        self._of_mixture = PValues(self._mixture(held_out).numpy())
        self._of_strength = PValues(self._strength(held_out).numpy())

    def __call__(self, seen: Seen) -> tf.Tensor:
        """Give float32[batch], the higher, the more like: Fisher's sum of logarithms."""
        mixture = self._of_mixture(self._mixture(seen))
        strength = self._of_strength(self._strength(seen))
        return tf.math.log(mixture) + tf.math.log(strength)

    def _mixture(self, seen: Seen) -> tf.Tensor:
        return -tf.norm(tf.matmul(seen[EARLY] - self._mean, self._root), axis=1)

    def _strength(self, seen: Seen) -> tf.Tensor:
        return tf.norm(seen[LAST], axis=1)
