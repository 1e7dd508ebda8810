"""How the housing model is trained: small networks over a block group and its neighbours."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from sklearn.model_selection import train_test_split

from serving.card import InputStatistics
from serving.models.housing import COVERAGE, NUMERIC_FEATURES
from training.bounds import AtLeastOne, AtLeastZero, NotNegative, Positive, Share
from training.data.statistics import summarize
from training.fit.fitting import predict_validation, shuffled, whole_batches
from training.models.housing import california
from training.models.housing.block_groups import Features
from training.models.housing.boosting import boosted_trees
from training.models.housing.members import MemberDense, MemberMean
from training.outputs.regression import IntervalAnswer, calibrate, evaluate
from training.recipe import Examples, Fit, Gate, Parts, Recipe
from training.search import Choice, Range
from training.serving_graph import Servable, frozen

UNIT_USD = 100_000  # the network thinks in this unit, as the literature on this data set does

CALIBRATION_BINS = 5


@dataclass(frozen=True)
class HyperParameters:
    """Sizes of the network and of its training."""

    members: AtLeastOne = 4
    units: AtLeastOne = 128
    layers: AtLeastZero = 2
    dropout: Share = 0.2
    waves: AtLeastZero = 6
    neighbours: AtLeastOne = 32
    heads: AtLeastOne = 8
    hidden_bedrooms: Share = 0.1
    learning_rate: Positive = 3e-3
    weight_decay: NotNegative = 1e-3
    batch_size: AtLeastOne = 256
    epochs: AtLeastOne = 15


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


def build_network(
    hyper_parameters: HyperParameters, features: Features, mean_price: float
) -> keras.Model:
    """Give features → float32[batch, 3]: price, lower and upper bound in units of 100,000 USD.

    In training it is float32[batch, member, 3]. Learning begins at the mean price.
    """
    num_own, num_of_neighbour = features.num_own, features.num_of_neighbour
    num_neighbours, members = features.num_neighbours, hyper_parameters.members
    inputs = keras.Input((num_own + num_neighbours * num_of_neighbour,), name="features")
    neighbours = ops.reshape(inputs[:, num_own:], (-1, num_neighbours, num_of_neighbour))
    attended = attend(neighbours, hyper_parameters.heads)
    hidden = ops.concatenate([inputs[:, :num_own], attended], axis=1)
    for _ in range(hyper_parameters.layers):
        hidden = swish(MemberDense(members, hyper_parameters.units)(hidden))
        hidden = keras.layers.Dropout(hyper_parameters.dropout)(hidden)
    answers = MemberDense(members, 3, start=(mean_price, 0.0, 0.0))(hidden)
    price, distances = answers[..., :1], ops.softplus(answers[..., 1:])
    # The price is fitted to the mean alone: the bounds must not pull at it.
    bounds = ops.stop_gradient(price) + distances * np.array([-1, 1], np.float32)
    answers = ops.concatenate([price, bounds], axis=-1)
    return keras.Model(inputs, MemberMean()(answers), name="housing")


def attend(neighbours: Any, heads: int) -> Any:
    """Give the means of float32[batch, neighbour, feature], each head with weights of its own.

    The weights, a softmax over the neighbours, depend on all but their prices, the last feature.
    Gives float32[batch, heads * feature].

    Source: Y. Gorishniy et al., "TabR: Tabular Deep Learning Meets Nearest Neighbors", ICLR 2024,
    whose retrieval this simplifies.
    """
    num_neighbours, num_features = neighbours.shape[1:]
    # Products of matrices, exponents and sums over the second axis need no transposition.
    flat = ops.reshape(neighbours[:, :, :-1], (-1, num_features - 1))
    scores = keras.layers.Dense(heads)(swish(keras.layers.Dense(32)(flat)))
    scores = ops.reshape(scores, (-1, num_neighbours, heads))
    weights = ops.exp(scores - ops.max(scores, axis=1, keepdims=True))
    sums = ops.einsum("bnh,bnf->bhf", weights, neighbours)
    means = sums / ops.sum(weights, axis=1)[:, :, None]
    return ops.reshape(means, (-1, heads * num_features))


def swish(hidden: Any) -> Any:
    """Do as `keras.activations.swish`, which in an exported graph takes twice the operations.

    Source: P. Ramachandran, B. Zoph, Q. Le, "Searching for Activation Functions", arXiv 1710.05941.
    """
    return hidden * ops.sigmoid(hidden)


def loss(truth: Any, bounds: Any) -> Any:
    """Add the squared error of the price to the pinball losses of its two bounds.

    Source: R. Koenker and G. Bassett, "Regression Quantiles", Econometrica 46 (1978) 33-50.
    """
    tail = (1 - COVERAGE) / 2
    price, low, high = ops.unstack(bounds, 3, axis=-1)
    if len(price.shape) == 2:  # each member's
        truth = truth[:, None]
    under, over = truth - low, truth - high
    pinball_low = ops.maximum(tail * under, (tail - 1) * under)
    pinball_high = ops.maximum((1 - tail) * over, -tail * over)
    return ops.square(truth - price) + pinball_low + pinball_high


def prepare(hyper_parameters: HyperParameters, parts: Parts, seed: int) -> Fit:
    """Learn the features' constants, and compile the network."""
    train, batch_size = parts.train, hyper_parameters.batch_size
    features = Features(
        train, waves=hyper_parameters.waves, num_neighbours=hyper_parameters.neighbours
    )
    targets = train.targets / UNIT_USD
    network = build_network(hyper_parameters, features, float(targets.mean()))
    steps_per_epoch = whole_batches(len(train), batch_size)
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
    seen = look(features, train, hyper_parameters.hidden_bedrooms, seed)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        inputs = seen(epoch)
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


def look(
    features: Features, train: Examples, hidden_bedrooms: float, seed: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Give what the network sees of all training examples in an epoch, by the epoch's number.

    The bedrooms of some, others every time, are hidden: the census rarely lacks them, callers may.
    """
    whole, without_bedrooms = features.of_known(train), features.of_known(hide_bedrooms(train))

    def seen(epoch: tf.Tensor) -> tf.Tensor:
        seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
        hidden = tf.random.stateless_uniform([len(train), 1], seeds) < hidden_bedrooms
        return tf.where(hidden, without_bedrooms, whole)

    return seen


def serve(fit: Fit) -> Servable:
    """Stretch the intervals until they cover nine tenths of the validation part, at every price."""
    calibration = calibrate(*predict_validation(fit), coverage=COVERAGE, bins=CALIBRATION_BINS)
    answer = IntervalAnswer(
        unit_usd=UNIT_USD, calibration=calibration, limits_usd=fit.features.limits_usd
    )
    return Servable(fit.features, frozen(fit.network), answer)


def hide_bedrooms(examples: Examples) -> Examples:
    """Give the examples as a census would that did not ask for bedrooms."""
    unknown = np.full(len(examples), np.nan, np.float32)
    return replace(examples, inputs={**examples.inputs, "total_bedrooms": unknown})


def disturb(examples: Examples) -> dict[str, Examples]:
    """Leave out the one value that may be left out."""
    return {"total_bedrooms missing": hide_bedrooms(examples)}


RECIPE = Recipe(
    task="regression with a 90 % prediction interval",
    hyper_parameters=HyperParameters(),
    load=california.load,
    split=split,
    describe=describe,
    prepare=prepare,
    serve=serve,
    evaluate=evaluate,
    gate=Gate("root_mean_squared_error", maximum=45_900),
    baselines={"gradient-boosted trees": boosted_trees},
    disturb=disturb,
    ablations={
        "one member": {"members": 1},
        "no waves of the place": {"waves": 0},
        "no dropout": {"dropout": 0.0},
        "no weight decay": {"weight_decay": 0.0},
        "bedrooms never hidden": {"hidden_bedrooms": 0.0},
        "four neighbours": {"neighbours": 4},
    },
    search_space={
        "units": Choice((64, 128, 256)),
        "layers": Range(1, 4),
        "dropout": Range(0.0, 0.5),
        "waves": Range(0, 8),
        "neighbours": Range(8, 64),
        "learning_rate": Range(3e-4, 3e-2, logarithmic=True),
        "weight_decay": Range(1e-5, 1e-1, logarithmic=True),
    },
)
