"""A few block groups that stand for all known ones, each for as many as are like it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from serving.contract import Tensors
from training.data.examples import Examples


@dataclass(frozen=True)
class Background:
    """The inputs of some block groups, and the share of all that each stands for."""

    inputs: Tensors
    weights: NDArray[np.float32]


def background(train: Examples, columns: NDArray[np.float32], size: int) -> Background:
    """Choose the block groups in the middle of clusters of `columns`, float32[example, column].

    Source: the summary of S. Lundberg's shap, `shap.kmeans`, with examples in the place of means.
    """
    clusters = KMeans(min(size, len(columns)), n_init=1, max_iter=20, random_state=0).fit(columns)
    distances = clusters.transform(columns)  # [example, cluster]
    counts = np.bincount(clusters.labels_, minlength=distances.shape[1])
    weights = (counts / len(columns)).astype(np.float32)
    return Background(train.take(distances.argmin(axis=0)).inputs, weights)
