"""What a module in `training/models` must provide; knows no data set and no network.

`training.pipeline` calls the functions of a recipe in the order of its fields.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any, Generic, TypeVar

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.card import ConfidenceBin, DataFinding, InputStatistics, Metric
from serving.contract import Tensors
from training.errors import BelowGate
from training.fit.checkpoints import State
from training.search import Choice, Range
from training.serving_graph import Servable

HyperParametersT = TypeVar("HyperParametersT")


@dataclass(frozen=True)
class Examples:
    """Inputs by the names of the signature, and what is to be predicted from them.

    `targets` is int64[example], the index of the class, or float32[example], the quantity.
    Examples of the same group (int64[example]) know of each other and must stay in one part.
    """

    inputs: Tensors
    targets: NDArray[Any]
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.targets)

    def take(self, rows: NDArray[np.int64]) -> "Examples":
        """Give the examples of these rows, in their order."""
        inputs = {name: tensor[rows] for name, tensor in self.inputs.items()}
        groups = None if self.groups is None else self.groups[rows]
        return Examples(inputs, self.targets[rows], groups)


@dataclass(frozen=True)
class Data:
    """A data set as it was read: where it came from, and its fixed test part.

    `development` is what training and validation examples are taken from. `sha256` is of the file
    that was read. `classes` are the names of what targets are indices into, if they are.
    `unlabelled` are inputs whose targets nobody knows; none of them is in `test`. `findings` is
    what a reader should know of how the data was read. `parts` is set where the data come split;
    else the recipe splits the development examples.
    """

    name: str
    source: str
    sha256: str
    development: Examples
    test: Examples
    classes: tuple[str, ...] = ()
    unlabelled: Tensors = field(default_factory=dict)
    findings: tuple[DataFinding, ...] = ()
    parts: "Parts | None" = None


@dataclass(frozen=True, eq=False)
class Parts:
    """The development examples, split, and the unlabelled inputs; `method` says how in words.

    `classes` and `unlabelled` are those of the data; the pipeline puts them in.
    """

    train: Examples
    validation: Examples
    method: str
    classes: tuple[str, ...] = ()
    unlabelled: Tensors = field(default_factory=dict)


@dataclass(frozen=True)
class Fit:
    """All that `training.fit.fitting` needs: a compiled network, and its batches as `tf.data`.

    `features` turns the signature's inputs into what the network takes; it holds what was learned
    by counting (a vocabulary, means), so it becomes part of the exported graph.

    `batches` gives the `steps_per_epoch` batches of an epoch by its number, int64[]. It is a pure
    function, shuffling and augmenting by `stateless` operations, so that a training that was
    interrupted goes on with the very batches that it would have seen. `classes` are those of the
    parts, for whoever serves the network. `words` are what the rows of its embedding stand for, if
    it has one.
    """

    features: tf.Module
    network: keras.Model
    batches: Callable[[tf.Tensor], tf.data.Dataset]
    steps_per_epoch: int
    validation: tf.data.Dataset
    epochs: int
    classes: tuple[str, ...] = ()
    words: Sequence[str] = ()


@dataclass(frozen=True)
class Evaluation:
    """How good the answers to some examples were."""

    metrics: list[Metric]
    confusion_matrix: dict[str, dict[str, int]] | None = None
    reliability: list[ConfidenceBin] | None = None
    residual_quantiles: dict[str, float] | None = None


@dataclass(frozen=True)
class Gate:
    """The bounds of a metric on the validation part, outside of which nothing is exported."""

    metric: str
    minimum: float = -inf
    maximum: float = inf

    def rank(self, evaluation: Evaluation) -> float:
        """Give a number that is the lower, the better the metric is."""
        return self.rank_value(self._value(evaluation))

    def rank_value(self, value: float) -> float:
        """Give that number for a value of the metric."""
        return value if self.maximum < inf else -value

    def check(self, evaluation: Evaluation) -> None:
        """Do nothing if the metric is within the bounds.

        Raises:
            BelowGate: it is not.
        """
        value = self._value(evaluation)
        if not self.minimum <= value <= self.maximum:
            raise BelowGate(
                f"{self.metric} is {value:g} on the validation part, outside of {self.minimum:g} "
                f"to {self.maximum:g}: nothing was exported; check the data, or change the "
                "recipe's hyper-parameters"
            )

    def _value(self, evaluation: Evaluation) -> float:
        return next(each.value for each in evaluation.metrics if each.name == self.metric)


@dataclass(frozen=True)
class Recipe(Generic[HyperParametersT]):
    """How a model is trained.

    `load` reads the data set from a folder, or fetches it. `describe` sums up the inputs of the
    training part for the card. `prepare` takes the hyper-parameters, the parts and the seed of
    whatever is random. `serve` turns the fitted network into the graph to export, calibrated on the
    validation batches. `evaluate` compares outputs with targets.

    `baselines` are what any network must beat, by name: each is fitted on examples, and gives its
    outputs for other inputs. `disturb`
    gives examples as they come from careless hands, by what was done to them. `ablations` are
    changes to the hyper-parameters, each of which takes one ingredient away. `search_space` says
    where better values of the hyper-parameters that it names may be found.
    """

    task: str
    hyper_parameters: HyperParametersT
    load: Callable[[Path | None], Data]
    split: Callable[[Examples], Parts]
    describe: Callable[[Examples], dict[str, InputStatistics]]
    prepare: Callable[[HyperParametersT, Parts, int], Fit]
    serve: Callable[[Fit], Servable]
    evaluate: Callable[[Tensors, NDArray[Any]], Evaluation]
    gate: Gate
    baselines: Mapping[str, Callable[[Examples, Tensors], Tensors]] = field(default_factory=dict)
    disturb: Callable[[Examples], Mapping[str, Examples]] = lambda _examples: {}
    ablations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    search_space: Mapping[str, Range | Choice] = field(default_factory=dict)

    def changed(self, changes: Mapping[str, Any]) -> "Recipe[HyperParametersT]":
        """Give the same recipe with other values of some hyper-parameters."""
        hyper_parameters: Any = self.hyper_parameters
        return replace(self, hyper_parameters=replace(hyper_parameters, **changes))


@dataclass(frozen=True)
class Training:
    """One finished training, before its test part was touched."""

    recipe: Recipe[Any]
    seed: int
    data: Data
    parts: Parts
    fit: Fit
    servable: Servable
    state: State
    validation: Evaluation
