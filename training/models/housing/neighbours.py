"""Finds the known places near a place, within a graph; knows nothing of what is there."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors

CANDIDATES_PER_NEIGHBOUR = 4


class Neighbours(tf.Module):
    """Places float32[known, 2], and for each of some anchors among them a list of candidates.

    The nearest known places are sought among those of the nearest anchor: a small matrix product,
    two look-ups and a short sort, where all distances would cost most of the graph. As each list is
    several times as long as what is wanted of it, another anchor hardly ever gives other places.
    Source: H. Jégou, M. Douze, C. Schmid, "Product Quantization for Nearest Neighbor Search",
    IEEE TPAMI 33 (2011) 117-128, whose inverted file this is.
    """

    def __init__(self, places: NDArray[np.float32], *, num_neighbours: int, num_anchors: int):
        super().__init__()
        self.num_neighbours = min(num_neighbours, len(places) - 1)
        clusters = KMeans(min(num_anchors, len(places)), n_init=1, max_iter=20, random_state=0)
        anchors = clusters.fit(places).cluster_centers_.astype(np.float32)  # [anchor, 2]
        num_candidates = min(CANDIDATES_PER_NEIGHBOUR * num_neighbours, len(places))
        nearest = NearestNeighbors(n_neighbors=num_candidates).fit(places)
        lists = nearest.kneighbors(anchors, return_distance=False)  # [anchor, candidate]
        self._lists = tf.constant(lists, tf.int32)
        self._places = tf.constant(places)
        # |place - anchor|² is least where place · anchor - |anchor|² / 2 is greatest.
        self._anchors = tf.constant(anchors.T)
        self._offsets = tf.constant(-np.square(anchors).sum(axis=1) / 2)

    def near(self, places: tf.Tensor) -> tf.Tensor:
        """Give the known places nearest to float32[batch, 2] as int32[batch, num_neighbours].

        The nearest comes first.
        """
        return self._nearest(*self._candidates(places))

    def near_known(self, places: tf.Tensor) -> tf.Tensor:
        """Give the same for the known places, moved or not, all of them and in their order.

        None is its own neighbour: what is known of it is what a network is to learn to predict.
        """
        candidates, squared = self._candidates(places)
        is_itself = candidates == tf.range(tf.shape(places)[0])[:, None]
        return self._nearest(candidates, tf.where(is_itself, np.inf, squared))

    def _candidates(self, places: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Give known places, int32[batch, candidate], and the squares of their distances."""
        scores = tf.matmul(places, self._anchors)  # [batch, anchor]
        scores = tf.nn.bias_add(scores, self._offsets)
        anchors = tf.argmax(scores, axis=1, output_type=tf.int32)  # [batch]
        candidates = tf.gather(self._lists, anchors)  # [batch, candidate]
        offsets = tf.gather(self._places, candidates) - places[:, None]  # [batch, candidate, 2]
        return candidates, tf.reduce_sum(tf.square(offsets), axis=2)

    def _nearest(self, candidates: tf.Tensor, squared: tf.Tensor) -> tf.Tensor:
        order = tf.math.top_k(-squared, self.num_neighbours).indices  # [batch, neighbour]
        return tf.gather(candidates, order, batch_dims=1)
