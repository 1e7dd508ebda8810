"""What a recipe says, and what comes of it; knows no data set and no network.

`training.pipeline` calls the functions of a recipe in the order of its fields.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import keras
import tensorflow as tf
from annotated_types import Ge, Gt, Lt
from numpy.typing import NDArray

from serving.card import ExplanationQuality, InputStatistics
from serving.contract import Tensors
from training.data.examples import Data, Examples, Splits
from training.outputs.acceptance import AcceptanceGate
from training.outputs.evaluation import Evaluation
from training.outputs.kind import OutputKind
from training.outputs.slices import Parts
from training.serving_graph import ServingGraph

HyperParametersT = TypeVar("HyperParametersT")

# What hyper-parameters can be; an option outside of the bounds is refused.
AtLeastOne = Annotated[int, Ge(1)]
AtLeastZero = Annotated[int, Ge(0)]
Positive = Annotated[float, Gt(0)]
NotNegative = Annotated[float, Ge(0)]
Share = Annotated[float, Ge(0), Lt(1)]


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones if both are.

    With `logarithmic`, each order of magnitude is as likely as any other.
    """

    low: float
    high: float
    logarithmic: bool = False


@dataclass(frozen=True)
class Choice:
    """One of these values."""

    values: tuple[int | float | str | bool, ...]


@dataclass(frozen=True)
class Fit:
    """All that fitting needs: a compiled network, and its batches as `tf.data`.

    `features` turns the signature's inputs into what the network takes; it holds what was learned
    by counting (a vocabulary, means), so it becomes part of the exported graph.

    `batches` gives the `steps_per_epoch` batches of an epoch by its number, int64[]. It is a pure
    function, shuffling and augmenting by `stateless` operations, so that a training that was
    interrupted goes on with the very batches that it would have seen. `classes` are those of the
    data, for whoever serves the network. `words` are what the rows of its embedding stand for, if
    it has one. After `patience` epochs without a lower validation loss, fitting ends early; after
    0, it does not.
    """

    features: tf.Module
    network: keras.Model
    batches: Callable[[tf.Tensor], tf.data.Dataset]
    steps_per_epoch: int
    validation: tf.data.Dataset
    epochs: int
    classes: tuple[str, ...] = ()
    words: Sequence[str] = ()
    patience: int = 0


Curves = dict[str, list[float]]
"""By the name of a quantity, its value after each epoch; `val_` marks the validation part."""


@dataclass(frozen=True)
class State:
    """How far a training has come: the figures of its epochs, and the seconds that they took."""

    curves: Curves
    seconds: float
    finished: bool

    @property
    def epochs(self) -> int:
        return max((len(curve) for curve in self.curves.values()), default=0)


@dataclass(frozen=True)
class Recipe(Generic[HyperParametersT]):
    """How a model is trained.

    `load` reads the data set from a folder, or fetches it. `describe` sums up the inputs of the
    training part for the card. `prepare` takes the hyper-parameters, the splits and the seed of
    whatever is random. `serve` turns the fitted network into the graph to export, calibrated on the
    validation batches. `outputs` is the kind of answer that it gives.

    `baselines` are what any network must beat, by name: each is fitted on examples, and gives its
    outputs for other inputs. `perturb` gives examples as they come from careless hands, by what was
    done to them. `probes` are examples that were written to be difficult, by their kind, which no
    training sees. `slices` tells which examples are alike in what, to be measured apart.
    `ablations` are changes to the hyper-parameters, each of which takes one ingredient away.
    `search_space` says where better values of the hyper-parameters that it names may be found.
    `answer_training` gives outputs and targets of some training examples where the signature must
    not be asked of them, since the features remember each with its target.

    `strangers` makes inputs that are unlike the data, by what they are, of the test part or of
    nothing; `familiarity` says how the graph tells them, if it does. `explanation_quality` measures
    how far its explanations can be trusted on examples.
    """

    task: str
    hyper_parameters: HyperParametersT
    load: Callable[[Path | None], Data]
    split: Callable[[Examples], Splits]
    describe: Callable[[Examples], dict[str, InputStatistics]]
    prepare: Callable[[HyperParametersT, Splits, int], Fit]
    serve: Callable[[Any], ServingGraph]  # takes what `prepare` gave, a Fit or a kind of it
    outputs: OutputKind
    gate: AcceptanceGate
    baselines: Mapping[str, Callable[[Examples, Tensors], Tensors]] = field(default_factory=dict)
    perturb: Callable[[Examples], Mapping[str, Examples]] = lambda _examples: {}
    probes: Callable[[], Mapping[str, Examples]] = dict
    slices: Callable[[Fit, Examples], Parts] = lambda _fit, _examples: {}
    ablations: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    search_space: Mapping[str, Range | Choice] = field(default_factory=dict)
    answer_training: Callable[[Fit, ServingGraph], tuple[Tensors, NDArray[Any]]] | None = None
    strangers: Callable[[Examples], Mapping[str, Tensors]] = lambda _test: {}
    familiarity: str = ""
    explanation_quality: Callable[[Fit, ServingGraph, Examples], ExplanationQuality] | None = None

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
    splits: Splits
    fit: Fit
    graph: ServingGraph
    state: State
    validation: Evaluation
