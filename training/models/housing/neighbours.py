"""Finds the known places near a place, within a graph; knows nothing of what is there."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.neighbors import NearestNeighbors


class Neighbours(tf.Module):
    """Places float32[known, 2], and for each of some anchors among them the list of the nearest.

    A place is given the list of its nearest anchor. That is not exactly its own list, but costs a
    small matrix product and two look-ups where sorting all distances would cost most of the graph.
    Source: H. Jégou, M. Douze, C. Schmid, "Product Quantization for Nearest Neighbor Search",
    IEEE TPAMI 33 (2011) 117-128, whose inverted file this is.
    """

    def __init__(self, places: NDArray[np.float32], *, num_neighbours: int, num_anchors: int):
        super().__init__()
        self.num_neighbours = min(num_neighbours, len(places) - 1)
        clusters = KMeans(min(num_anchors, len(places)), n_init=1, max_iter=20, random_state=0)
        anchors = clusters.fit(places).cluster_centers_.astype(np.float32)  # [anchor, 2]
        nearest = NearestNeighbors(n_neighbors=self.num_neighbours + 1).fit(places)
        lists = nearest.kneighbors(anchors, return_distance=False)  # [anchor, n + 1]
        self._lists = tf.constant(lists, tf.int32)
        # |place - anchor|² is least where place · anchor - |anchor|² / 2 is greatest.
        self._anchors = tf.constant(anchors.T)
        self._offsets = tf.constant(-np.square(anchors).sum(axis=1) / 2)

    def near(self, places: tf.Tensor) -> tf.Tensor:
        """Give the known places near float32[batch, 2] as int32[batch, num_neighbours]."""
        return self._near(places)[:, :-1]

    def near_known(self, places: NDArray[np.float32]) -> tf.Tensor:
        """Give the same for the known places themselves, all of them and in their order.

        None is its own neighbour: what is known of it is what a network is to learn to predict.
        """
        lists = self._near(places).numpy()  # [known, num_neighbours + 1]
        is_itself = lists == np.arange(len(lists))[:, None]
        others_first = np.argsort(is_itself, axis=1, kind="stable")
        return tf.constant(np.take_along_axis(lists, others_first, axis=1)[:, :-1])

    def _near(self, places: tf.Tensor) -> tf.Tensor:
        scores = tf.matmul(places, self._anchors)  # [batch, anchor]
        scores = tf.nn.bias_add(scores, self._offsets)
        anchors = tf.argmax(scores, axis=1, output_type=tf.int32)  # [batch]
        return tf.gather(self._lists, anchors)  # [batch, num_neighbours + 1]
