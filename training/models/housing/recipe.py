"""How the housing model is trained: small networks over a block group and its neighbours."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from serving.card import InputStatistics
from serving.contract import Tensors
from serving.models.housing import COVERAGE, DISTANCE, NUMERIC_FEATURES, ratios
from training.data.examples import Examples, Splits
from training.data.statistics import summarize
from training.fit.fitting import predict_validation, shuffled, whole_batches
from training.models.housing import california
from training.models.housing.answer import HousingAnswer
from training.models.housing.block_groups import Features, kilometres_to_others
from training.models.housing.boosting import boosted_trees
from training.models.housing.explanations import Explanations
from training.models.housing.faithfulness import quality
from training.models.housing.network import (
    NEIGHBOUR_WEIGHTS,
    HyperParameters,
    build_network,
    loss,
)
from training.models.housing.perturbations import perturb
from training.models.housing.slices import slices
from training.models.housing.strangers import strangers
from training.outputs.acceptance import AcceptanceGate
from training.outputs.conformal import PValues
from training.outputs.regression import REGRESSION, IntervalAnswer, calibrate
from training.recipe import Choice, Fit, Range, Recipe
from training.serving_graph import ServingGraph, frozen, to_tensorflow

UNIT_USD = 100_000  # the network thinks in this unit, as the literature on this data set does

CALIBRATION_BINS = 5
ORDINARY_SHARE = 0.999  # of block groups, whose neighbours are near enough for no warning
NUM_TRAINING_BATCHES = 20  # that the training error is measured on: enough for two digits


def split(development: Examples) -> Splits:
    """Hold out a fifth at random, the same rows as the Yandex benchmarks do."""
    rows = np.arange(len(development))
    train, validation = train_test_split(rows, test_size=0.2, random_state=1)
    return Splits(
        development.take(train),
        development.take(validation),
        "rows in file order; scikit-learn's train_test_split(test_size=0.2, random_state=0) gives "
        "the test part, the same with random_state=1 divides the rest",
    )


def describe(train: Examples) -> dict[str, InputStatistics]:
    """Sum up the inputs, and what warnings are made of besides."""
    distances = kilometres_to_others(train)
    # Of a thousand block groups one lies alone: what is said of it is a guess, too.
    distances = distances[distances <= np.quantile(distances, ORDINARY_SHARE)]
    return {
        **{name: summarize(train.inputs[name]) for name in NUMERIC_FEATURES},
        **{name: summarize(ratio) for name, ratio in ratios(train.inputs).items()},
        DISTANCE: summarize(distances),
    }


def prepare(hyper_parameters: HyperParameters, splits: Splits, seed: int) -> Fit:
    """Learn the features' constants, and compile the network."""
    train, batch_size = splits.train, hyper_parameters.batch_size
    features = Features(
        train, num_wave_lengths=hyper_parameters.waves, num_neighbours=hyper_parameters.neighbours
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
    seen = look(features, train, hyper_parameters, seed)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        inputs = seen(epoch)  # [example, feature]
        rows = shuffled(len(train), batch_size, seed=seed, epoch=epoch)
        return rows.map(lambda batch: (tf.gather(inputs, batch), tf.gather(targets, batch)))

    validation = (features(splits.validation.inputs), splits.validation.targets / UNIT_USD)
    return Fit(
        features=features,
        network=network,
        batches=batches,
        steps_per_epoch=steps_per_epoch,
        validation=tf.data.Dataset.from_tensor_slices(validation).batch(1024),
        epochs=hyper_parameters.epochs,
    )


def look(
    features: Features, train: Examples, hyper_parameters: HyperParameters, seed: int
) -> Callable[[tf.Tensor], tf.Tensor]:
    """Give what the network sees of all training examples in an epoch, by the epoch's number.

    The bedrooms of some, others every time, are hidden: the census rarely lacks them, callers may.
    Each is moved a little, as its place was rounded: what is learned must not hang on a street.
    """
    known = to_tensorflow(train.inputs)

    def seen(epoch: tf.Tensor) -> tf.Tensor:
        seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
        chance = tf.random.stateless_uniform([3, len(train)], seeds)
        hidden = chance[0] < hyper_parameters.hidden_bedrooms
        east, north = tf.unstack((2 * chance[1:] - 1) * hyper_parameters.shift)
        changed = {
            "total_bedrooms": tf.where(hidden, np.nan, known["total_bedrooms"]),
            "longitude": known["longitude"] + east,
            "latitude": known["latitude"] + north,
        }
        return features.of_known({**known, **changed})  # [example, feature]

    return seen


def serve(fit: Fit) -> ServingGraph:
    """Stretch the intervals until they cover nine tenths of the validation part.

    They do so at every price, where known block groups are near and where they are far. How
    familiar a block group is, is measured by the validation part, too.
    """
    features: Features = fit.features
    bounds, truth = predict_validation(fit)
    difficulty, held_out = (
        np.concatenate([measure(batch) for batch, _ in fit.validation])
        for measure in (features.difficulty, features.likeness)
    )
    calibration = calibrate(bounds, difficulty, truth, coverage=COVERAGE, bins=CALIBRATION_BINS)
    interval = IntervalAnswer(
        unit_usd=UNIT_USD, calibration=calibration, limits_usd=features.limits_usd
    )
    answer = HousingAnswer(interval, PValues(held_out))

    network = frozen(_weighing(fit.network))

    def raw(seen: tf.Tensor) -> dict[str, tf.Tensor]:
        measured = {
            "likeness": features.likeness(seen),
            "difficulty": features.difficulty(seen),
            DISTANCE: features.kilometres(seen)[:, 0],
        }
        return {**network(seen), **measured}

    graph = ServingGraph(features, raw, answer)
    explanations = _explanations(fit, graph)
    graph.explain = lambda inputs: {**graph(inputs), **explanations(inputs)}
    return graph


def _explanations(fit: Fit, graph: ServingGraph) -> Explanations:
    return Explanations(
        fit.features,
        price=lambda inputs: graph(inputs)["price"],
        weights=lambda seen: tf.reduce_mean(graph.network(seen)[NEIGHBOUR_WEIGHTS], axis=2),
    )


def _weighing(network: keras.Model) -> keras.Model:
    """Give the same, with the weights of its heads for neighbours, [batch, neighbour, head]."""
    weights = network.get_layer(NEIGHBOUR_WEIGHTS).output
    return keras.Model(network.inputs, {"bounds": network.output, NEIGHBOUR_WEIGHTS: weights})


def answer_training(fit: Fit, graph: ServingGraph) -> tuple[Tensors, NDArray[Any]]:
    """Feed the network what it was fitted on, some batches of it.

    Through the signature, a house would find itself among the neighbours that features remember.
    """
    number = min(NUM_TRAINING_BATCHES, fit.steps_per_epoch)
    batches = fit.batches(tf.constant(0, tf.int64)).take(number)
    raw, targets = predict_validation(replace(fit, validation=batches))  # [row, 3], [row]
    features: Features = fit.features
    difficulty = tf.concat([features.difficulty(batch) for batch, _ in batches], axis=0)
    answered = graph.answer.interval(tf.constant(raw), difficulty)
    outputs = {name: tensor.numpy() for name, tensor in answered.items()}
    return outputs, targets * UNIT_USD


RECIPE = Recipe(
    task="regression with a 90 % prediction interval",
    hyper_parameters=HyperParameters(),
    load=california.load,
    split=split,
    describe=describe,
    prepare=prepare,
    serve=serve,
    outputs=REGRESSION,
    gate=AcceptanceGate("root_mean_squared_error", maximum=45_900),
    answer_training=answer_training,
    strangers=strangers,
    familiarity="distance to the most like of the known block groups near by, in the features",
    explanation_quality=lambda fit, graph, test: quality(_explanations(fit, graph), test),
    baselines={"gradient-boosted trees": boosted_trees},
    perturb=perturb,
    slices=lambda fit, test: slices(fit.features, test),
    ablations={
        "one member": {"members": 1},
        "no Fourier features of the place": {"waves": 0},
        "no dropout": {"dropout": 0.0},
        "no weight decay": {"weight_decay": 0.0},
        "bedrooms never hidden": {"hidden_bedrooms": 0.0},
        "places never moved": {"shift": 0.0},
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
