"""How far the maps can be trusted: does an answer hang on what is said to weigh most?

Pixels are taken from a picture, those first that are said to speak most for its class, and, beside
it, in random order; what is taken becomes blank. Then they are given back in that order, into the
picture blurred: a few pixels that are blank are like nothing that was ever learned from. Source: V.
Petsiuk, A. Das, K. Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models",
BMVC 2018.
"""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.card import ExplanationQuality, FaithfulnessCurve
from training.data.examples import Examples
from training.pictures.explanations import BLUR_PIXELS, blur
from training.serving_graph import ServingGraph, in_batches

NUM_EXPLAINED = 100  # pictures
NUM_ORDERS = 3  # random ones
SHARES = np.arange(11) / 10
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
    rows = np.arange(0, len(examples), max(1, len(examples) // NUM_EXPLAINED))[:NUM_EXPLAINED]
    inputs = examples.take(rows).inputs
    found = in_batches(tf.function(graph.explain), inputs, len(rows))
    added_up = found["bases"] + found["maps"].sum(axis=(2, 3), dtype=np.float64)
    return ExplanationQuality(
        method=method,
        completeness=float(np.abs(added_up - found["logits"]).max()),
        unit="logit",
        curves=_curves(graph, inputs["pixels"], found["maps"][:, 0], blank),
    )


def _curves(
    graph: ServingGraph, pictures: Pictures, maps: Maps, blank: NDArray[np.uint8]
) -> list[FaithfulnessCurve]:
    random = np.random.default_rng(0)
    # As smooth as the maps are: single pixels, taken at random, would spoil any picture.
    orders = [spread(random.normal(size=maps.shape), BLUR_PIXELS) for _ in range(NUM_ORDERS)]
    scores = graph.answer_all({"pixels": pictures}, len(pictures))["scores"]
    classes = scores.argmax(axis=1)

    def curve(weights: Maps, start: Pictures, end: Pictures) -> NDArray[np.float64]:
        """Give the mean probability as the one picture becomes the other, float64[share]."""
        turned = np.concatenate([mixed(weights, start, end, share) for share in SHARES])
        answers = graph.answer_all({"pixels": turned}, len(turned))["scores"]
        of_class = answers.reshape(len(SHARES), len(pictures), -1)[:, range(len(pictures)), classes]
        means: NDArray[np.float64] = of_class.mean(axis=1, dtype=np.float64)
        return means

    soft = _by_channel(pictures, SOFT_PIXELS)
    return [
        FaithfulnessCurve(
            name=f"probability of the class as pixels are {done}",
            shares=SHARES.tolist(),
            explained=curve(maps, start, end).tolist(),
            random=np.mean([curve(order, start, end) for order in orders], axis=0).tolist(),
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
