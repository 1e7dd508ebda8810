"""What is answered of a picture: classes with probabilities and p-values, how familiar it looks."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.class_sets import P_VALUES
from serving.familiarity import FAMILIARITY
from training.outputs.classification import ClassScores, fit_temperature
from training.outputs.conformal import PValues
from training.pictures.explanations import LOGITS, Seen


class PictureAnswer(tf.Module):
    """Takes what a network sees of pictures: its `LOGITS`, and whatever `likeness` looks at."""

    def __init__(
        self,
        scores: ClassScores,
        p_values: PValues,
        likeness: Callable[[Seen], tf.Tensor],
        familiarity: PValues,
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


def calibrated(
    classes: Sequence[str], logits: NDArray[Any], truth: NDArray[np.int64]
) -> tuple[ClassScores, PValues]:
    """Fit scores, and p-values of them, on held-out examples.

    `logits` is float[example, class], `truth` the index of the true class of each, int64[example].
    """
    scores = ClassScores(classes, fit_temperature(logits, truth))
    of_truth = scores(logits)["scores"].numpy()[np.arange(len(truth)), truth]
    return scores, PValues(of_truth)
