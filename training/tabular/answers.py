"""What a network over a table answers with: a number, or scores of classes, as signatures have it.

`NumberOutput` and `ClassOutput` are what a recipe says of its answers; each knows how a network
learns them, how they are served, measured, and beaten by no network at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Protocol

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.contract import Tensors
from training.data.examples import Examples
from training.outputs import classification, regression
from training.outputs.classification import fit_temperature
from training.outputs.evaluation import Evaluation
from training.outputs.judgement import Judgement
from training.outputs.kind import OutputKind


class TableOutput(Protocol):
    """A kind of answer of a table's network."""

    @property
    def kind(self) -> OutputKind:
        """How it is measured."""

    @property
    def classes(self) -> Sequence[str]:
        """The classes, if it has any."""

    @property
    def num_units(self) -> int:
        """How many numbers the network gives."""

    @property
    def loss(self) -> Any:
        """What the network makes small."""

    def encode(self, targets: NDArray[Any], train: NDArray[Any]) -> NDArray[np.float32]:
        """Give targets as the network learns them, by those of the training part."""

    def answer(self, raw: NDArray[Any], truth: NDArray[Any], train: NDArray[Any]) -> tf.Module:
        """Give what turns the network's numbers into outputs, calibrated on validation rows."""

    def baseline(self, train: Examples, inputs: Tensors) -> Tensors:
        """Answer without a look at the inputs."""


class _Number(tf.Module):
    """A number in its own unit, from one that has mean 0 and deviation 1."""

    def __init__(self, name: str, row_shape: Sequence[int], mean: float, deviation: float) -> None:
        super().__init__()
        self._output, self._row_shape = name, list(row_shape)
        self._mean, self._deviation = mean, deviation

    def __call__(self, raw: tf.Tensor) -> dict[str, tf.Tensor]:
        value = raw * self._deviation + self._mean  # [batch, 1]
        return {self._output: tf.reshape(value, [-1, *self._row_shape])}


@dataclass(frozen=True)
class NumberOutput:
    """A number: the output `name`, float32[batch] or float32[batch, 1] by its `row_shape`."""

    name: str
    row_shape: tuple[int, ...] = ()
    unit: str = "1"
    classes: tuple[str, ...] = ()
    num_units: int = 1
    loss: str = "mean_squared_error"

    @cached_property
    def kind(self) -> OutputKind:
        return OutputKind(
            has_classes=False,
            evaluate=partial(_evaluate_numbers, self.name, self.unit),
            judge=partial(_judge_numbers, self.name),
            error=lambda figures: figures["root_mean_squared_error"],
            error_name="root mean squared error",
        )

    def encode(self, targets: NDArray[Any], train: NDArray[Any]) -> NDArray[np.float32]:
        mean, deviation = _moments(train)
        return ((targets - mean) / deviation)[:, None].astype(np.float32)

    def answer(self, raw: NDArray[Any], truth: NDArray[Any], train: NDArray[Any]) -> tf.Module:
        del raw, truth  # there is nothing to calibrate
        return _Number(self.name, self.row_shape, *_moments(train))

    def baseline(self, train: Examples, inputs: Tensors) -> Tensors:
        num_rows = len(next(iter(inputs.values())))
        return {self.name: np.full((num_rows, *self.row_shape), train.targets.mean(), np.float32)}


def _moments(train: NDArray[Any]) -> tuple[float, float]:
    return float(train.mean()), float(train.std()) or 1.0


def _evaluate_numbers(
    name: str, unit: str, outputs: Tensors, targets: NDArray[np.float32]
) -> Evaluation:
    errors = outputs[name].ravel().astype(np.float64) - targets
    return Evaluation(regression.of_numbers(errors, targets, "value", unit))


def _judge_numbers(name: str, outputs: Tensors, targets: NDArray[np.float32]) -> Judgement:
    answers = outputs[name].ravel().astype(np.float64)
    columns = {
        "truth": [f"{target:,.6g}" for target in targets],
        "answer": [f"{answer:,.6g}" for answer in answers],
    }
    return Judgement(columns, np.abs(answers - targets))


class _Scores(tf.Module):
    """Probabilities of classes from logits, and their names if the signature has them."""

    def __init__(self, output: "ClassOutput", temperature: float) -> None:
        super().__init__()
        self._scores = classification.ClassScores(output.classes, temperature)
        self._output = output

    def __call__(self, logits: tf.Tensor) -> dict[str, tf.Tensor]:
        answer = self._scores(logits)
        named = {self._output.scores: answer["scores"]}
        return named | ({self._output.labels: answer["classes"]} if self._output.labels else {})


@dataclass(frozen=True)
class ClassOutput:
    """Scores of classes: the output `scores`, float32[batch, class], and `labels`, if there are.

    `classes` are the values of the target's column, in the order of the scores.
    """

    scores: str
    classes: tuple[str, ...]
    labels: str | None = None

    @property
    def num_units(self) -> int:
        return len(self.classes)

    @property
    def loss(self) -> Any:
        return keras.losses.CategoricalCrossentropy(from_logits=True)

    @cached_property
    def kind(self) -> OutputKind:
        return OutputKind(
            has_classes=True,
            evaluate=lambda outputs, truth: classification.evaluate(self._plain(outputs), truth),
            judge=lambda outputs, truth: classification.judge(self._plain(outputs), truth),
            error=classification.CLASSIFICATION.error,
            error_name=classification.CLASSIFICATION.error_name,
        )

    def encode(self, targets: NDArray[Any], train: NDArray[Any]) -> NDArray[np.float32]:
        del train  # classes are the same everywhere
        encoded: NDArray[np.float32] = np.eye(len(self.classes), dtype=np.float32)[targets]
        return encoded

    def answer(self, raw: NDArray[Any], truth: NDArray[Any], train: NDArray[Any]) -> tf.Module:
        del train
        return _Scores(self, fit_temperature(raw, truth.argmax(axis=1)))

    def baseline(self, train: Examples, inputs: Tensors) -> Tensors:
        num_rows = len(next(iter(inputs.values())))
        counts = np.bincount(train.targets, minlength=len(self.classes))
        return {self.scores: np.tile((counts / counts.sum()).astype(np.float32), (num_rows, 1))}

    def _plain(self, outputs: Mapping[str, NDArray[Any]]) -> Tensors:
        """Give outputs under the names that classifications are measured by."""
        names = np.array([name.encode() for name in self.classes], dtype=object)
        scores = outputs[self.scores]
        return {"scores": scores, "classes": np.broadcast_to(names, scores.shape)}
