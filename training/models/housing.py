"""How the housing model is trained: a small network over logs, ratios and waves of the place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.model_selection import train_test_split

from serving.card import InputStatistics
from serving.models.housing import COVERAGE, NUMERIC_FEATURES
from training.data import california
from training.fitting import predict_validation, shuffled
from training.recipe import Examples, Fit, Gate, Parts, Recipe
from training.regression import IntervalAnswer, conformal_margin, evaluate
from training.servable import Servable
from training.statistics import summarize

UNIT_USD = 100_000  # the network thinks in this unit, as the literature on this data set does

# The census gave no median below or above these.
LIMITS_USD = (14_999.0, 500_001.0)


@dataclass(frozen=True)
class HyperParameters:
    """Sizes of the network and of its training."""

    units: int = 256
    dropout: float = 0.2
    waves: int = 6
    learning_rate: float = 2e-3
    weight_decay: float = 1e-3
    batch_size: int = 128
    epochs: int = 60


def split(development: Examples) -> Parts:
    """Hold out a fifth at random, the same rows as the Yandex benchmarks do."""
    rows = np.arange(len(development))
    train, validation = train_test_split(rows, test_size=0.2, random_state=1)
    return Parts(
        development.take(train),
        development.take(validation),
        "rows in file order; scikit-learn's train_test_split(test_size=0.2, random_state=0) gives "
        "the test part, the same with random_state=1 divides the rest",
    )


def describe(train: Examples) -> dict[str, InputStatistics]:
    """Sum up each numeric field of a request."""
    return {name: summarize(train.inputs[name]) for name in NUMERIC_FEATURES}


class Features(tf.Module):
    """What the network sees of a block group: float32[batch, feature], each about standardised."""

    def __init__(self, train: Examples, waves: int) -> None:
        super().__init__()
        inputs = train.inputs
        self.categories = sorted(set(inputs["ocean_proximity"]))
        ratios = inputs["total_bedrooms"] / inputs["total_rooms"]
        self.bedrooms_per_room = float(np.nanmedian(ratios))
        # Wave lengths from the length of the state down to about 15 km.
        self.waves_per_degree = [0.125 * 2**wave for wave in range(waves)]
        columns = self._columns(inputs)
        self.mean = tf.reduce_mean(columns, axis=0)
        self.deviation = tf.math.reduce_std(columns, axis=0) + 1e-6

    def __call__(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Give the features of a batch, from the tensors of the signature."""
        return (self._columns(inputs) - self.mean) / self.deviation

    def _columns(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        rooms, households = inputs["total_rooms"], inputs["households"]
        missing = tf.math.is_nan(inputs["total_bedrooms"])
        bedrooms = tf.where(missing, rooms * self.bedrooms_per_room, inputs["total_bedrooms"])
        counts = (rooms, bedrooms, inputs["population"], households)
        columns = [
            *(tf.math.log1p(count) for count in counts),
            *(tf.math.log1p(count / households) for count in counts[:3]),
            bedrooms / rooms,
            inputs["housing_median_age"],
            inputs["median_income"],
            tf.math.log1p(inputs["median_income"]),
            tf.cast(missing, tf.float32),
            *self._place(inputs["longitude"], inputs["latitude"]),
        ]
        proximity = tf.equal(inputs["ocean_proximity"][:, None], self.categories)
        return tf.concat([tf.stack(columns, axis=1), tf.cast(proximity, tf.float32)], axis=1)

    def _place(self, longitude: tf.Tensor, latitude: tf.Tensor) -> list[tf.Tensor]:
        """Describe the place along four directions, each also as waves of several lengths.

        The middle of the state is subtracted first: float32 sines lose digits far from zero.
        """
        x, y = longitude + 119.5, latitude - 36.0
        directions = (x, y, (x + y) / 2**0.5, (x - y) / 2**0.5)
        angles = [
            2 * np.pi * frequency * direction
            for direction in directions
            for frequency in self.waves_per_degree
        ]
        return [*directions, *map(tf.sin, angles), *map(tf.cos, angles)]


def build_network(hyper_parameters: HyperParameters, num_features: int) -> keras.Model:
    """Give features → float32[batch, 3]: price, lower and upper bound in units of 100,000 USD."""
    features = keras.Input((num_features,), name="features")
    hidden = features
    for _ in range(3):
        hidden = keras.layers.Dense(hyper_parameters.units, activation="gelu")(hidden)
        hidden = keras.layers.Dropout(hyper_parameters.dropout)(hidden)
    price = keras.layers.Dense(1, name="price")(hidden)
    below = keras.layers.Dense(1, activation="softplus", name="below")(hidden)
    above = keras.layers.Dense(1, activation="softplus", name="above")(hidden)
    # The price is fitted to the mean alone: the bounds must not pull at it.
    anchor = keras.ops.stop_gradient(price)
    bounds = keras.layers.Concatenate()([price, anchor - below, anchor + above])
    return keras.Model(features, bounds, name="housing")


def loss(truth: Any, bounds: Any) -> Any:
    """Add the squared error of the price to the pinball losses of its two bounds.

    Source: R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46 (1978) 33-50.
    """
    tail = (1 - COVERAGE) / 2
    price, low, high = keras.ops.unstack(bounds, 3, axis=-1)
    truth = keras.ops.reshape(truth, keras.ops.shape(price))
    under, over = truth - low, truth - high
    pinball_low = keras.ops.maximum(tail * under, (tail - 1) * under)
    pinball_high = keras.ops.maximum((1 - tail) * over, -tail * over)
    return keras.ops.square(truth - price) + pinball_low + pinball_high


def prepare(hyper_parameters: HyperParameters, parts: Parts, seed: int) -> Fit:
    """Learn the features' constants, and compile the network."""
    train, batch_size = parts.train, hyper_parameters.batch_size
    features = Features(train, hyper_parameters.waves)
    network = build_network(hyper_parameters, features.mean.shape[0])
    steps_per_epoch = len(train) // batch_size
    network.compile(
        keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(
                hyper_parameters.learning_rate, hyper_parameters.epochs * steps_per_epoch
            ),
            weight_decay=hyper_parameters.weight_decay,
        ),
        loss,
        jit_compile=False,
    )
    inputs, targets = features(train.inputs), tf.constant(train.targets / UNIT_USD)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        rows = shuffled(len(train), batch_size, seed=seed, epoch=epoch)
        return rows.map(lambda batch: (tf.gather(inputs, batch), tf.gather(targets, batch)))

    validation = (features(parts.validation.inputs), parts.validation.targets / UNIT_USD)
    return Fit(
        features=features,
        network=network,
        batches=batches,
        steps_per_epoch=steps_per_epoch,
        validation=tf.data.Dataset.from_tensor_slices(validation).batch(1024),
        epochs=hyper_parameters.epochs,
    )


def serve(fit: Fit) -> Servable:
    """Widen the interval until it covers nine tenths of the validation part."""
    bounds, truth = predict_validation(fit)
    margin = conformal_margin(bounds[:, 1], bounds[:, 2], truth, COVERAGE)
    answer = IntervalAnswer(unit_usd=UNIT_USD, margin=margin, limits_usd=LIMITS_USD)
    return Servable(fit.features, fit.network, answer)


RECIPE = Recipe(
    task="regression with a 90 % prediction interval",
    hyper_parameters=HyperParameters(),
    load=california.load,
    split=split,
    describe=describe,
    prepare=prepare,
    serve=serve,
    evaluate=evaluate,
    gate=Gate("root_mean_squared_error", maximum=50_000),
)
