"""How far explanations of prices can be trusted: features are taken away, and given back.

First of all goes what is said to add or take most; what a block group has not is averaged over the
background.
"""

import numpy as np
from numpy.typing import NDArray

from serving.card import ExplanationQuality
from training.data.examples import Examples
from training.models.housing.explanations import Explanations
from training.outputs.faithfulness import Numbers, curve, explained_rows
from training.outputs.regression import UNIT
from training.serving_graph import to_tensorflow

NUM_ORDERS = 30  # random ones


def quality(explanations: Explanations, examples: Examples) -> ExplanationQuality:
    """Measure explanations of some examples that the network was not fitted on."""
    inputs = to_tensorflow(examples.take(explained_rows(len(examples))).inputs)
    prices = explanations.coalition_prices(inputs).numpy().astype(np.float64)  # [row, coalition]
    found = {name: tensor.numpy() for name, tensor in explanations(inputs).items()}
    contributions = found["contributions"].astype(np.float64)  # [row, feature]
    added_up = found["base"] + contributions.sum(axis=1)
    order = np.argsort(-np.abs(contributions), axis=1)  # [row, feature]
    random = np.random.default_rng(0)
    orders = [random.permuted(order, axis=1) for _ in range(NUM_ORDERS)]
    num_features = contributions.shape[1]
    return ExplanationQuality(
        method="Shapley values against a background of known block groups, the place as one",
        completeness=float(np.abs(added_up - prices[:, -1]).max()),
        unit=UNIT,
        curves=[
            curve(
                name,
                np.arange(num_features + 1) / num_features,
                _follow(prices, order, given_back=given_back),
                [_follow(prices, each, given_back=given_back) for each in orders],
            )
            for name, given_back in [
                ("change of the price as features are taken away", False),
                ("what is missing of the price as features are given back", True),
            ]
        ],
    )


def _follow(prices: Numbers, order: NDArray[np.int64], *, given_back: bool) -> Numbers:
    """Give the mean distance from the whole price after each step, float[feature + 1]."""
    bits = np.cumsum(1 << order, axis=1)  # [row, feature]: who was taken, or given back, by then
    steps = np.concatenate([np.zeros_like(bits[:, :1]), bits], axis=1)
    coalitions = steps if given_back else steps[:, -1:] - steps
    reached = np.take_along_axis(prices, coalitions, axis=1)
    distances: Numbers = np.abs(reached - prices[:, -1:]).mean(axis=0)
    return distances
