"""What the image model answers: classes with probabilities and p-values, how familiar it looks."""

import tensorflow as tf

from serving.class_sets import P_VALUES
from serving.familiarity import FAMILIARITY
from training.models.image.likeness import Likeness, Seen
from training.models.image.network import LOGITS
from training.outputs.classification import ClassScores
from training.outputs.conformal import PValues


class ImageAnswer(tf.Module):
    """Takes what the network makes of pictures, by `LOGITS`, `EARLY` and `LAST`."""

    def __init__(
        self, scores: ClassScores, p_values: PValues, likeness: Likeness, familiarity: PValues
    ) -> None:
        super().__init__()
        self.scores = scores
        self._p_values = p_values
        self._likeness = likeness
        self._familiarity = familiarity

    def __call__(self, seen: Seen) -> dict[str, tf.Tensor]:
        """Give the signature's outputs."""
        outputs = self.scores(seen[LOGITS])  # [batch, class] each
        return {
            **outputs,
            P_VALUES: self._p_values(outputs["scores"]),
            FAMILIARITY: self._familiarity(self._likeness(seen)),
        }
