"""What a kind of answer must provide, so that nobody has to look at the tensors to know it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from serving.contract import Tensors
from training.outputs.evaluation import Evaluation
from training.outputs.judgement import Judgement


@dataclass(frozen=True)
class OutputKind:
    """A kind of answer: what a recipe names as its `outputs`.

    `evaluate` measures answers, the signature's outputs, against targets; `judge` sets single ones
    beside them. `error` gives, from the figures of an evaluation, the one that falls as answers get
    better, and `error_name` says what it is. Where an answer `has_classes`, targets are int64, the
    index of the true one, or a row of numbers above 0 for each class that applies, if several may;
    else they are float32, the quantity itself.
    """

    has_classes: bool
    evaluate: Callable[[Tensors, NDArray[Any]], Evaluation]
    judge: Callable[[Tensors, NDArray[Any]], Judgement]
    error: Callable[[Mapping[str, float]], float]
    error_name: str
