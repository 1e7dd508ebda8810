"""What the sentiment model answers: classes with probabilities and p-values, and familiarity."""

import tensorflow as tf

from serving.class_sets import P_VALUES
from serving.familiarity import FAMILIARITY
from training.models.sentiment.words import NETWORK_INPUTS
from training.outputs.classification import BlendedScores
from training.outputs.conformal import PValues
from training.serving_graph import Batch, Network

BRANCHES = "branches"


class SentimentAnswer(tf.Module):
    """Takes `BRANCHES`, float32[batch, 2] as the network gives it, and the familiarity."""

    def __init__(self, scores: BlendedScores, p_values: PValues) -> None:
        super().__init__()
        self.scores = scores
        self._p_values = p_values

    def __call__(self, seen: Batch) -> dict[str, tf.Tensor]:
        """Give the signature's outputs."""
        outputs = self.scores(seen[BRANCHES])  # [batch, 2] each
        return {
            **outputs,
            P_VALUES: self._p_values(outputs["scores"]),
            FAMILIARITY: seen[FAMILIARITY],
        }


def beside_familiarity(network: Network) -> Network:
    """Give what a network makes of tokens and n-grams, with the familiarity of the texts."""

    def see(features: Batch) -> dict[str, tf.Tensor]:
        branches = network({name: features[name] for name in NETWORK_INPUTS})
        return {BRANCHES: branches, FAMILIARITY: features[FAMILIARITY]}

    return see
