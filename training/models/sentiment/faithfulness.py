"""How far contributions of words can be trusted: words are taken from texts, and given back.

First of all goes what is said to speak most for a text's class.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.card import ExplanationQuality, FaithfulnessCurve
from serving.models.sentiment import METHOD
from training.data.examples import Examples
from training.outputs.faithfulness import SHARES, Numbers, curve, explained_rows, probability
from training.serving_graph import ServingGraph, in_batches

NUM_ORDERS = 3  # random ones

Ranks = NDArray[np.int64]


def quality(graph: ServingGraph, examples: Examples) -> ExplanationQuality:
    """Measure explanations of some examples that the network was not fitted on."""
    given = examples.inputs["text"][explained_rows(len(examples))]
    explain = tf.function(
        graph.explain, input_signature=[{"text": tf.TensorSpec([None], tf.string)}]
    )
    found = [in_batches(explain, {"text": given[[row]]}, 1) for row in range(len(given))]
    scores = np.concatenate([each["scores"] for each in found]).astype(np.float64)
    logits = np.log(scores[:, 1] / scores[:, 0])
    added_up = [each["base"][0] + each["contributions"][0].sum(dtype=np.float64) for each in found]
    texts = [each["words"][0] for each in found]
    # What speaks for the class that is answered.
    signs = np.sign(logits).astype(np.float32)
    weights = [each["contributions"][0] * sign for each, sign in zip(found, signs, strict=True)]
    return ExplanationQuality(
        method=METHOD,
        completeness=float(np.abs(np.array(added_up) - logits).max()),
        unit="logit",
        curves=_curves(graph, texts, weights, scores.argmax(axis=1)),
    )


def _curves(
    graph: ServingGraph,
    texts: Sequence[NDArray[np.object_]],
    weights: Sequence[NDArray[np.float32]],
    classes: NDArray[np.int64],
) -> list[FaithfulnessCurve]:
    random = np.random.default_rng(0)
    best_first = [(-each).argsort().argsort() for each in weights]  # the rank of each word
    orders = [[random.permutation(len(text)) for text in texts] for _ in range(NUM_ORDERS)]

    def follow(ranks: Sequence[Ranks], *, given_back: bool) -> Numbers:
        """Give the mean probability of the class, float64[share]."""
        cut = [
            b" ".join(text[(rank < share * len(text)) == given_back])
            for share in SHARES
            for text, rank in zip(texts, ranks, strict=True)
        ]
        answers = graph.answer_all({"text": np.array(cut, object)}, len(cut))
        return probability(answers["scores"], classes)

    return [
        curve(
            f"probability of the class as words are {done}",
            SHARES,
            follow(best_first, given_back=given_back),
            [follow(order, given_back=given_back) for order in orders],
        )
        for done, given_back in [("taken away", False), ("given back", True)]
    ]
