"""A small network over the columns of a table: what it sees of them, its layers, their sizes."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from typing_extensions import Doc

from training.data.examples import Examples
from training.recipe import AtLeastOne, NotNegative, Positive, Share

_MOST_CATEGORIES = 100  # of a column of texts, the most frequent ones


@dataclass(frozen=True)
class HyperParameters:
    """Sizes of the network and of its training."""

    units: Annotated[AtLeastOne, Doc("of each layer")] = 64
    layers: Annotated[AtLeastOne, Doc("that are hidden")] = 2
    dropout: Annotated[Share, Doc("of the units, left out in training")] = 0.1
    learning_rate: Annotated[Positive, Doc("at the start; it falls to 0")] = 3e-3
    weight_decay: Annotated[NotNegative, Doc("of AdamW")] = 1e-3
    batch_size: Annotated[AtLeastOne, Doc("rows in a step")] = 32
    epochs: Annotated[AtLeastOne, Doc("times that each row is seen")] = 40


class Columns(tf.Module):
    """The columns of a table as one row of numbers each, learned from the training part.

    Numbers get mean 0 and deviation 1, and a gap the mean; a text is one of the categories that
    the training part has, or none.
    """

    def __init__(self, train: Examples) -> None:
        """Take the training part; `targets` are its, for whoever scales answers."""
        super().__init__()
        self.targets = train.targets
        self._scales: dict[str, tuple[float, float]] = {}
        self._categories: dict[str, list[bytes]] = {}
        for name, column in train.inputs.items():
            values = column.ravel()
            if values.dtype == object:
                common = Counter(values.tolist()).most_common(_MOST_CATEGORIES)
                self._categories[name] = [category for category, _ in common]
            else:
                self._scales[name] = _scale(values.astype(np.float64))

    def __call__(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Give float32[batch, feature], from the tensors of the signature."""
        numbers = [
            self._standardized(inputs[name], mean, deviation)
            for name, (mean, deviation) in self._scales.items()
        ]
        categories = [
            tf.cast(_flat(inputs[name])[:, None] == tf.constant(known), tf.float32)
            for name, known in self._categories.items()
        ]
        return tf.concat([*numbers, *categories], axis=1)

    @staticmethod
    def _standardized(column: tf.Tensor, mean: float, deviation: float) -> tf.Tensor:
        values = (tf.cast(_flat(column), tf.float32) - mean) / deviation
        return tf.where(tf.math.is_nan(values), 0.0, values)[:, None]  # [batch, 1]


def _flat(column: Any) -> Any:
    return tf.reshape(column, [-1])  # [batch], also of [batch, 1]


def _scale(values: NDArray[np.float64]) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    mean, deviation = (float(known.mean()), float(known.std())) if known.size else (0.0, 1.0)
    return mean, deviation or 1.0


def build_network(
    hyper_parameters: HyperParameters, num_features: int, num_outputs: int
) -> keras.Model:
    """Give features float32[batch, feature] → float32[batch, output]."""
    inputs = keras.Input((num_features,), name="features")
    hidden = inputs
    for _ in range(hyper_parameters.layers):
        hidden = keras.layers.Dense(hyper_parameters.units, activation="relu")(hidden)
        hidden = keras.layers.Dropout(hyper_parameters.dropout)(hidden)
    return keras.Model(inputs, keras.layers.Dense(num_outputs)(hidden), name="table")
