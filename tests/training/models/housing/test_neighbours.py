"""Known places near a place: the right ones, and never a place itself."""

import numpy as np
import tensorflow as tf

from training.models.housing.neighbours import Neighbours

RANDOM = np.random.default_rng(0)
PLACES = RANDOM.uniform(-5, 5, (500, 2)).astype(np.float32)


def test_the_neighbours_are_the_nearest_but_for_a_few() -> None:
    neighbours = Neighbours(PLACES, num_neighbours=30, num_anchors=200)
    asked = RANDOM.uniform(-4, 4, (100, 2)).astype(np.float32)
    distances = np.linalg.norm(asked[:, None] - PLACES, axis=2)
    nearest = np.argsort(distances, axis=1)[:, :30]
    found = neighbours.near(tf.constant(asked)).numpy()
    assert found.shape == (100, 30)
    assert np.mean([np.isin(nearest[row], found[row]).mean() for row in range(100)]) > 0.99


def test_no_known_place_is_its_own_neighbour() -> None:
    neighbours = Neighbours(PLACES, num_neighbours=30, num_anchors=200)
    others = neighbours.near_known(tf.constant(PLACES)).numpy()
    assert others.shape == (500, 30)
    assert not (others == np.arange(500)[:, None]).any()
    assert all(len(set(row)) == 30 for row in others)


def test_few_places_are_all_neighbours_of_each_other() -> None:
    neighbours = Neighbours(PLACES[:4], num_neighbours=30, num_anchors=200)
    assert neighbours.num_neighbours == 3
    assert [
        sorted(row) for row in neighbours.near_known(tf.constant(PLACES[:4])).numpy().tolist()
    ] == [
        [1, 2, 3],
        [0, 2, 3],
        [0, 1, 3],
        [0, 1, 2],
    ]
