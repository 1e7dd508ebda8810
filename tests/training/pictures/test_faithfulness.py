"""What is measured of maps: whether an answer hangs on what they say that it hangs on."""

from typing import Any

import numpy as np
import tensorflow as tf

from serving.card import InputStatistics
from training.data.examples import Examples
from training.models.image.network import Standardized
from training.outputs.classification import ClassScores
from training.pictures.faithfulness import mixed, quality
from training.serving_graph import ServingGraph

GREYS = [InputStatistics(minimum=0, maximum=255, mean=120, standard_deviation=60)] * 3


def test_those_of_the_highest_weights_are_turned_first() -> None:
    start, end = np.zeros((2, 32, 32, 3), np.uint8), np.full((2, 32, 32, 3), 9, np.uint8)
    weights = np.random.default_rng(0).normal(size=(2, 32, 32))
    for share in (0.0, 0.25, 1.0):
        turned = mixed(weights, start, end, share)[..., 0] == 9
        assert turned.sum(axis=(1, 2)).tolist() == [share * 1024] * 2
        if share == 0.25:
            assert all(weights[i][turned[i]].min() > weights[i][~turned[i]].max() for i in (0, 1))


def of_the_corner(upside_down: bool) -> ServingGraph:
    """Answer by how light the upper left corner is, and say so, or say the opposite."""
    weights = np.zeros((32, 32), np.float32)
    weights[:8, :8] = 1 / 64
    features = Standardized(GREYS)

    def network(pictures: Any) -> Any:
        light = tf.reduce_sum(weights * tf.reduce_mean(pictures, axis=-1), axis=(1, 2))
        return tf.stack([4 * light, 0 * light], axis=1)

    answer = ClassScores(("light", "dark"), 1.0)

    def explain(inputs: Any) -> dict[str, Any]:
        added = 4 * weights * tf.reduce_mean(features(inputs), axis=-1)  # [batch, 32, 32]
        maps = tf.stack([-added if upside_down else added, -added], axis=1)
        logits = tf.reduce_sum(added, axis=(1, 2))
        return {
            "maps": maps,
            "bases": tf.zeros([len(added), 2]),
            "logits": tf.stack([logits, -logits], axis=1),
        }

    return ServingGraph(features, network, answer, explain=explain)


def quality_of(graph: ServingGraph) -> Any:
    random = np.random.default_rng(1)
    pixels = random.integers(0, 120, (20, 32, 32, 3), np.uint8)
    pixels[:, :8, :8] += 130  # all of them are light where it counts
    examples = Examples({"pixels": pixels}, np.zeros(20, np.int64))
    return quality(graph, examples, "by hand", np.full(3, 120, np.uint8))


def test_an_answer_falls_and_rises_sooner_by_the_map_than_by_chance() -> None:
    found = quality_of(of_the_corner(upside_down=False))
    assert found.completeness < 1e-4
    away, back = found.curves
    for curve in found.curves:
        assert (curve.shares[0], curve.shares[-1]) == (0, 1)
        np.testing.assert_allclose(curve.explained[0], curve.random[0])
        np.testing.assert_allclose(curve.explained[-1], curve.random[-1])
    assert sum(away.explained) < sum(away.random) - 1
    assert sum(back.explained) > sum(back.random)
    assert away.explained[0] == back.explained[-1]


def test_a_map_that_says_the_opposite_is_found_out() -> None:
    found = quality_of(of_the_corner(upside_down=True))
    away, back = found.curves
    assert sum(away.explained) > sum(away.random)
    assert sum(back.explained) < sum(back.random)
    assert found.completeness > 1
