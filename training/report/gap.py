"""Reads out of a training's errors whether the network learned too little, or too much by heart.

Source of the two notions: S. Geman, E. Bienenstock, R. Doursat, "Neural Networks and the
Bias/Variance Dilemma", Neural Computation 4 (1992) 1-58.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from serving.card import ModelCard
from serving.contract import Tensors
from training.recipe import Training

NUM_EXAMPLES = 2_000  # of the training part, which is enough for two digits

RULE = (
    "The rule: the floor is the error of the best baseline on the test part. Bias is high if even "
    "the examples that the network was fitted on are answered with no less error than the floor. "
    "Variance is high if they are, but those of the test part are not. All else is fine. Without "
    "baselines, variance is high if the gap is more than half of the validation error, and bias "
    "cannot be seen. What remains is mostly the larger of two parts: the gap, and the training "
    "error. The training error is that of the finished network on some of the training examples, "
    "without dropout: of pictures and texts as they came, and of houses with the gaps that "
    "training makes."
)

Verdict = Literal["high bias", "high variance", "fine"]

_ADVICE = {
    "high bias": "A larger network, more epochs, a higher learning rate or better features would "
    "help; more data would not.",
    "high variance": "More data, augmentation, dropout, weight decay or fewer epochs would help; a "
    "larger network would not.",
}


@dataclass(frozen=True)
class Errors:
    """One kind of error on each part, and `floor`, that of the best baseline on the test part."""

    train: float
    validation: float
    test: float
    floor: float | None

    @property
    def gap(self) -> float:
        """How much more the network errs on examples that it was not fitted on."""
        return self.validation - self.train

    @property
    def is_mostly_gap(self) -> bool:
        """Whether closing the gap would gain more than fitting the training examples better."""
        return self.gap > self.validation / 2


def verdict(errors: Errors) -> Verdict:
    """Judge the errors by the `RULE`."""
    if errors.floor is None:
        return "high variance" if errors.is_mostly_gap else "fine"
    if errors.train >= errors.floor:
        return "high bias"
    return "high variance" if errors.test >= errors.floor else "fine"


def advice(errors: Errors) -> str:
    """Say what would most probably lower the error."""
    judged = verdict(errors)
    if judged != "fine":
        return _ADVICE[judged]
    if errors.is_mostly_gap:
        return f"What remains of the error is mostly variance. {_ADVICE['high variance']}"
    return f"What remains of the error is mostly bias. {_ADVICE['high bias']}"


def measure_errors(training: Training, card: ModelCard) -> Errors:
    """Measure the error on some training examples, and put the card's beside it."""
    kind = training.recipe.outputs
    error, answers = kind.error, _answer_training_examples(training)
    return Errors(
        train=error(kind.evaluate(*answers).figures),
        validation=error(_values(card.validation_metrics)),
        test=error(_values(card.metrics)),
        floor=min((error(each.metrics) for each in card.baselines), default=None),
    )


def _values(metrics: Any) -> dict[str, float]:
    return {metric.name: metric.value for metric in metrics}


def _answer_training_examples(training: Training) -> tuple[Tensors, NDArray[Any]]:
    """Give outputs and targets of some, evenly from the whole part."""
    answer_training = training.recipe.answer_training
    if answer_training is not None:
        return answer_training(training.fit, training.graph)
    train = training.splits.train
    number = min(NUM_EXAMPLES, len(train))
    some = train.take(np.linspace(0, len(train) - 1, number).astype(np.int64))
    return training.graph.answer_all(some.inputs, len(some)), some.targets
