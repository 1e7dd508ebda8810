"""How far the maps can be trusted: pixels are taken from pictures, and given back.

First of all goes what is said to speak most for a picture's class; what is taken becomes blank.
What is given back comes into the picture blurred: a few pixels on a blank one are like nothing that
was ever learned from.
"""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.card import ExplanationQuality, FaithfulnessCurve
from training.data.examples import Examples
from training.outputs.faithfulness import SHARES, Numbers, curve, explained_rows, probability
from training.pictures.explanations import BLUR_PIXELS, blur
from training.serving_graph import ServingGraph, in_batches

NUM_ORDERS = 3  # random ones
SOFT_PIXELS = 4.0  # standard deviation

Pictures = NDArray[np.uint8]
Maps = NDArray[np.floating]


def quality(
    graph: ServingGraph, examples: Examples, method: str, blank: NDArray[np.uint8]
) -> ExplanationQuality:
    """Measure explanations of some examples that the network was not fitted on.

    Their `pixels` are uint8[picture, side, side] of grey, or with a channel behind; `blank` is the
    colour of nothing, uint8[] or uint8[channel].
    """
    explained = examples.take(explained_rows(len(examples)))
    found = in_batches(tf.function(graph.explain), explained.inputs, len(explained))
    added_up = found["bases"] + found["maps"].sum(axis=(2, 3), dtype=np.float64)
    return ExplanationQuality(
        method=method,
        completeness=float(np.abs(added_up - found["logits"]).max()),
        unit="logit",
        curves=_curves(graph, explained.inputs["pixels"], found["maps"][:, 0], blank),
    )


def _curves(
    graph: ServingGraph, pictures: Pictures, maps: Maps, blank: NDArray[np.uint8]
) -> list[FaithfulnessCurve]:
    random = np.random.default_rng(0)
    # As smooth as the maps are: single pixels, taken at random, would spoil any picture.
    orders = [spread(random.normal(size=maps.shape), BLUR_PIXELS) for _ in range(NUM_ORDERS)]
    scores = graph.answer_all({"pixels": pictures}, len(pictures))["scores"]
    classes = scores.argmax(axis=1)

    def follow(weights: Maps, start: Pictures, end: Pictures) -> Numbers:
        """Give the mean probability as the one picture becomes the other, float64[share]."""
        turned = np.concatenate([mixed(weights, start, end, share) for share in SHARES])
        answers = graph.answer_all({"pixels": turned}, len(turned))
        return probability(answers["scores"], classes)

    soft = _by_channel(pictures, SOFT_PIXELS)
    return [
        curve(
            f"probability of the class as pixels are {done}",
            SHARES,
            follow(maps, start, end),
            [follow(order, start, end) for order in orders],
        )
        for done, start, end in [
            ("taken away", pictures, np.broadcast_to(blank, pictures.shape)),
            ("given back", np.rint(soft).astype(np.uint8), pictures),
        ]
    ]


def mixed(weights: Maps, start: Pictures, end: Pictures, share: float) -> Pictures:
    """Put so many pixels of the one picture into the other, those of the highest weights first."""
    ranks = (-weights).reshape(len(weights), -1).argsort(axis=1, kind="stable").argsort(axis=1)
    chosen = ranks.reshape(weights.shape) < share * ranks.shape[1]  # as weights
    per_value = chosen.reshape(*chosen.shape, *[1] * (start.ndim - chosen.ndim))
    turned: Pictures = np.where(per_value, end, start)
    return turned


def spread(values: NDArray[np.floating | np.uint8], deviation: float) -> Maps:
    """Blur pictures of one channel, [..., side, side]."""
    matrix = blur(values.shape[-1], deviation)
    blurred: Maps = matrix @ values @ matrix
    return blurred


def _by_channel(pictures: Pictures, deviation: float) -> Maps:
    if pictures.ndim == 3:
        return spread(pictures, deviation)
    return np.moveaxis(spread(np.moveaxis(pictures, -1, 0), deviation), 0, -1)
