"""Curves fall as what counts is taken away, and rise as it is given back; at random, slower."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from training.data.examples import Examples
from training.models.sentiment.faithfulness import quality
from training.serving_graph import ServingGraph

TEXTS = np.array([b"dull good dull good plain plain plain plain good x"] * 4, object)


class Counting(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Answers by how many words are good, and says so."""

    def __call__(self, inputs: Any) -> dict[str, Any]:
        words = tf.strings.split(inputs["text"])
        good = tf.cast(words == "good", tf.float32) - tf.cast(words == "dull", tf.float32)
        logit = 2 * tf.reduce_sum(good, axis=1)
        scores = tf.sigmoid(tf.stack([-logit, logit], axis=1))
        return {"scores": scores, "logit": logit}

    def explain(self, inputs: Any) -> dict[str, Any]:
        words = tf.strings.split(inputs["text"]).to_tensor()
        added = 2 * (tf.cast(words == "good", tf.float32) - tf.cast(words == "dull", tf.float32))
        base = tf.zeros([tf.shape(words)[0]])
        return {**self(inputs), "words": words, "contributions": added, "base": base}


def test_what_is_said_to_weigh_most_is_what_the_answer_hangs_on() -> None:
    counting = Counting()
    graph = ServingGraph(tf.Module(), lambda seen: seen, tf.Module(), explain=counting.explain)
    graph.features = graph.answer = lambda given: given
    graph.network = counting
    found = quality(graph, Examples({"text": TEXTS}, np.ones(4)))
    assert found.unit == "logit"
    assert found.completeness == pytest.approx(0, abs=1e-5)
    taken, given_back = found.curves
    assert taken.explained[3] < 0.1
    assert taken.random[3] > 0.4
    assert given_back.explained[3] > 0.99 > given_back.random[3]
    for curve in (taken, given_back):
        assert len(curve.shares) == len(curve.explained) == len(curve.random) == 11
