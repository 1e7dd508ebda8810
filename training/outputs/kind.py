"""What a kind of answer must provide, so that nobody has to look at the tensors to know it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from serving.card import ModelCard
from serving.contract import Tensors
from training.outputs.evaluation import Evaluation
from training.outputs.judgement import Judgement

# Gives figures and tables for the report, of a card, the answers to the test part, and that part.
Charts = Callable[[ModelCard, Tensors, Any], tuple[list[Any], list[Any]]]


@dataclass(frozen=True)
class OutputKind:
    """A kind of answer: what a recipe names as its `outputs`.

    `evaluate` measures answers, the signature's outputs, against targets; `judge` sets single ones
    beside them. `error` gives, from the figures of an evaluation, the one that falls as answers get
    better, and `error_name` says what it is. Where an answer `has_classes`, targets are int64, the
    index of the true one, or a row of numbers above 0 for each class that applies, if several may;
    else they are float32, the quantity itself, and `targets_may_miss` if the kind leaves out what
    is NaN. `charts` are drawn of such answers in the report, which has those of classes and of
    prices itself; of any other without them it shows the worst answers alone.
    """

    has_classes: bool
    evaluate: Callable[[Tensors, NDArray[Any]], Evaluation]
    judge: Callable[[Tensors, NDArray[Any]], Judgement]
    error: Callable[[Mapping[str, float]], float]
    error_name: str
    targets_may_miss: bool = False
    charts: Charts | None = None
