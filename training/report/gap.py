"""Reads out of a training's errors whether the network learned too little, or too much by heart.

Source of the two notions: S. Geman, E. Bienenstock, R. Doursat, "Neural Networks and the
Bias/Variance Dilemma", Neural Computation 4 (1992) 1-58. Of the intervals of error rates: E. B.
Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", Journal of the
American Statistical Association 22 (1927) 209-212.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import ceil, inf
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from serving.card import Metric, ModelCard
from serving.contract import Tensors
from training.outputs.kind import OutputKind
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
    "training makes. A verdict is given if it is the same at both ends of the 95 % intervals of "
    "the errors (Wilson's, of shares; 1.96 standard errors to each side, of other figures); the "
    "floor is taken as it is."
)

Z = 1.96  # standard errors to each side, between which 95 % of a normal distribution lie
Verdict = Literal["high bias", "high variance", "fine", "too few to tell"]
TOO_FEW: Verdict = "too few to tell"

_ADVICE = {
    "high bias": "A larger network, more epochs, a higher learning rate or better features would "
    "help; more data would not.",
    "high variance": "More data, augmentation, dropout, weight decay or fewer epochs would help; a "
    "larger network would not.",
}


@dataclass(frozen=True)
class Estimate:
    """An error that was measured on `count` examples, and its 95 % interval."""

    value: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Errors:
    """One kind of error on each part, and `floor`, that of the best baseline on the test part."""

    train: Estimate
    validation: Estimate
    test: Estimate
    floor: float | None

    @property
    def gap(self) -> float:
        """How much more the network errs on examples that it was not fitted on."""
        return self.validation.value - self.train.value

    @property
    def is_mostly_gap(self) -> bool:
        """Whether closing the gap would gain more than fitting the training examples better."""
        return self.gap > self.validation.value / 2


def estimate_share(share: float, count: int) -> Estimate:
    """Give Wilson's interval of a share of examples: it holds also where none or all are wrong."""
    middle = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z / (1 + Z**2 / count) * (share * (1 - share) / count + Z**2 / (4 * count**2)) ** 0.5
    low = middle - half if share > 0 else 0.0  # which rounding would miss by a little
    high = middle + half if share < 1 else 1.0
    return Estimate(share, low, high, count)


def verdict(errors: Errors) -> Verdict:
    """Judge the errors by the `RULE`."""
    ends = [(each.low, each.high) for each in (errors.train, errors.validation, errors.test)]
    verdicts = {_judge(a, b, c, errors.floor) for a, b, c in product(*ends)}
    return verdicts.pop() if len(verdicts) == 1 else TOO_FEW


def _judge(train: float, validation: float, test: float, floor: float | None) -> Verdict:
    if floor is None:
        return "high variance" if validation - train > validation / 2 else "fine"
    if train >= floor:
        return "high bias"
    return "high variance" if test >= floor else "fine"


def advice(errors: Errors) -> str:
    """Say what would most probably lower the error."""
    judged = verdict(errors)
    if judged == TOO_FEW:
        return _ask_for_more(errors)
    if judged != "fine":
        return _ADVICE[judged]
    if errors.is_mostly_gap:
        return f"What remains of the error is mostly variance. {_ADVICE['high variance']}"
    return f"What remains of the error is mostly bias. {_ADVICE['high bias']}"


def _ask_for_more(errors: Errors) -> str:
    """Say how many examples would decide: an interval narrows as the root of their number grows."""
    part, count, ratio = max(_undecided(errors), key=lambda each: each[2])
    if errors.floor is None and errors.train.value == errors.validation.value == 0:
        return f"Of the {count:,} examples of the {part} part none is wrong: more may tell."
    if ratio == inf:
        return f"The {count:,} examples of the {part} part lie right between two verdicts."
    return (
        f"With the {count:,} examples of the {part} part, chance could have turned the verdict; if "
        f"the figures stayed as they are, about {ceil(count * ratio**2):,} would decide it."
    )


def _undecided(errors: Errors) -> Iterator[tuple[str, int, float]]:
    """Give part, examples, and how many times too wide the interval is, of what is compared."""
    train, validation, test, floor = errors.train, errors.validation, errors.test, errors.floor
    if floor is None:
        distance = validation.value / 2 - train.value
        reach = _reach(validation, -distance) / 2 + _reach(train, distance)
        yield "validation", validation.count, _ratio(reach, distance)
        return
    for part, each in (("training", train), ("test", test)):
        if each.low < floor <= each.high:
            distance = floor - each.value
            yield part, each.count, _ratio(_reach(each, distance), distance)


def _reach(estimate: Estimate, direction: float) -> float:
    """Give how far the interval reaches upwards, or downwards if the direction is negative."""
    return estimate.high - estimate.value if direction > 0 else estimate.value - estimate.low


def _ratio(reach: float, distance: float) -> float:
    return reach / abs(distance) if distance else inf


def measure_errors(training: Training, card: ModelCard) -> Errors:
    """Measure the error on some training examples, and put the card's beside it."""
    kind = training.recipe.outputs
    outputs, targets = _answer_training_examples(training)
    split = card.data_set.split
    return Errors(
        train=_estimate(kind, kind.evaluate(outputs, targets).metrics, len(targets)),
        validation=_estimate(kind, card.validation_metrics, split.validation),
        test=_estimate(kind, card.metrics, split.test),
        floor=min((kind.error(each.metrics) for each in card.baselines), default=None),
    )


def _estimate(kind: OutputKind, metrics: Sequence[Metric], count: int) -> Estimate:
    error = kind.error({metric.name: metric.value for metric in metrics})
    if kind.has_classes:
        return estimate_share(error, count)
    half = Z * (metrics[0].standard_error or 0.0)  # the first metric is what a kind errs by
    return Estimate(error, error - half, error + half, count)


def _answer_training_examples(training: Training) -> tuple[Tensors, NDArray[Any]]:
    """Give outputs and targets of some, evenly from the whole part."""
    answer_training = training.recipe.answer_training
    if answer_training is not None:
        return answer_training(training.fit, training.graph)
    train = training.splits.train
    number = min(NUM_EXAMPLES, len(train))
    some = train.take(np.linspace(0, len(train) - 1, number).astype(np.int64))
    return training.graph.answer_all(some.inputs, len(some)), some.targets
