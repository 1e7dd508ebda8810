"""What the housing model answers: a price with its interval, how familiar the block group is.

And what else warnings are made of: how far its neighbours are, and the ends of all prices.
"""

from collections.abc import Mapping

import tensorflow as tf

from serving.familiarity import FAMILIARITY
from serving.models.housing import DISTANCE, LIMITS
from training.outputs.conformal import PValues
from training.outputs.regression import IntervalAnswer


class HousingAnswer(tf.Module):
    """Takes `bounds`, float32[batch, 3], and `difficulty`, float32[batch, measure], for intervals;
    `likeness` and `kilometres_to_neighbour`, float32[batch].
    """

    def __init__(self, interval: IntervalAnswer, familiarity: PValues) -> None:
        super().__init__()
        self.interval = interval
        self._familiarity = familiarity

    def __call__(self, raw: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """Give the signature's outputs, float32[batch] each but the limits, float32[batch, 2]."""
        outputs = self.interval(raw["bounds"], raw["difficulty"])
        limits = tf.broadcast_to(self.interval.limits_usd, [tf.shape(outputs["price"])[0], 2])
        return {
            **outputs,
            FAMILIARITY: self._familiarity(raw["likeness"]),
            DISTANCE: raw[DISTANCE],
            LIMITS: tf.ensure_shape(limits, [None, 2]),
        }
