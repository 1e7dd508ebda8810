"""What the sentiment model answers: classes with probabilities and p-values, and familiarity."""

from collections.abc import Sequence

import tensorflow as tf

from serving.class_sets import P_VALUES
from serving.familiarity import FAMILIARITY
from training.models.sentiment.blend import Blend
from training.models.sentiment.words import NETWORK_INPUTS, NUM_WORDS
from training.outputs.classification import two_classes
from training.outputs.conformal import PValues
from training.serving_graph import Batch, Network

BRANCHES = "branches"


class SentimentAnswer(tf.Module):
    """Takes `BRANCHES`, float32[batch, 2] as the network gives it, number of words, familiarity."""

    def __init__(self, classes: Sequence[str], blend: Blend, p_values: PValues) -> None:
        super().__init__()
        self._classes = classes
        self.blend = blend
        self._p_values = p_values

    def __call__(self, seen: Batch) -> dict[str, tf.Tensor]:
        """Give the signature's outputs."""
        logit = self.blend(seen[BRANCHES], seen[NUM_WORDS])  # [batch]
        outputs = two_classes(logit, self._classes)  # [batch, 2] each
        return {
            **outputs,
            P_VALUES: self._p_values(outputs["scores"]),
            FAMILIARITY: seen[FAMILIARITY],
        }


def beside_features(network: Network) -> Network:
    """Give what a network makes of tokens and n-grams, with what else is seen of the texts."""

    def see(features: Batch) -> dict[str, tf.Tensor]:
        branches = network({name: features[name] for name in NETWORK_INPUTS})
        return {BRANCHES: branches, **{name: features[name] for name in (NUM_WORDS, FAMILIARITY)}}

    return see
