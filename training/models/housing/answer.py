"""What the housing model answers: a price with its interval, how familiar the block group is."""

from collections.abc import Mapping

import tensorflow as tf

from serving.familiarity import FAMILIARITY
from training.outputs.conformal import PValues
from training.outputs.regression import IntervalAnswer


class HousingAnswer(tf.Module):
    """Takes `bounds`, float32[batch, 3], and `likeness`, float32[batch]."""

    def __init__(self, interval: IntervalAnswer, familiarity: PValues) -> None:
        super().__init__()
        self.interval = interval
        self._familiarity = familiarity

    def __call__(self, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Give the signature's outputs, float32[batch] each."""
        familiarity = self._familiarity(raw["likeness"])
        return {**self.interval(raw["bounds"]), FAMILIARITY: familiarity}
