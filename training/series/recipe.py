"""The recipe of a model that forecasts hours: what a user's recipe file calls."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from serving.card import ExplanationQuality
from training.data.examples import Examples, Splits
from training.fit.fitting import predict_validation, shuffled, whole_batches
from training.gradients import completeness, integrated_gradients
from training.outputs.acceptance import AcceptanceGate
from training.outputs.forecast import (
    Forecast,
    ForecastAnswer,
    ForecastLoss,
    fit_stretches,
)
from training.recipe import Choice, Fit, Range, Recipe
from training.report.forecasts import charts
from training.series.features import NUM_OWN, Features, hide_others, last_hour
from training.series.network import HyperParameters, build_network
from training.series.persistence import persistence
from training.series.table import UNKNOWN, HourlyFile, Series
from training.series.windows import last_known
from training.serving_graph import ServingGraph, frozen

NUM_EXPLAINED = 200  # test examples whose explanations are summed up
SMALLEST_CHANGE = 1e-3  # within hours: of a series that never changes, one must not divide by zero
MISSING = 0.25  # of the hours, in the perturbed examples

_ABLATIONS: dict[str, dict[str, Any]] = {
    "univariate: the other series are never seen": {"others": False},
    "no dropout": {"dropout": 0.0},
    "with batch normalisation": {"batch_normalization": True},
    "with L2": {"l2": 1e-4},
}
_SEARCH_SPACE: dict[str, Range | Choice] = {
    "units": Choice((32, 64, 128)),
    "dropout": Range(0.0, 0.5),
    "hidden_others": Range(0.0, 0.5),
    "l1": Range(1e-7, 1e-3, logarithmic=True),
    "l2": Range(1e-7, 1e-3, logarithmic=True),
    "learning_rate": Range(3e-4, 1e-2, logarithmic=True),
}


def forecast_recipe(
    data: HourlyFile,
    *,
    told: tuple[int, ...],
    gate: AcceptanceGate,
    hyper_parameters: HyperParameters = HyperParameters(),  # noqa: B008  # it is frozen
) -> Recipe[HyperParameters]:
    """Make a recipe for the hours of a file; there are figures for the hours ahead in `told`.

    The signature has the inputs of the series, [batch, past] each, numbers as float32, NaN where
    one is missing, categories as strings, empty where one is. Its outputs are `forecast`,
    `forecast_low` and `forecast_high`, float32[batch, ahead]. The signature `explain` gives besides
    what the mean of the forecast comes from: `base`, float32[batch], of which nothing but a usual
    last hour is known, and what each hour adds by the target's `own` value and by the `others`,
    float32[batch, past] each. `gate` is what a version must reach on the validation part.
    """
    series = data.series
    return Recipe(
        task=f"forecast of the next {series.ahead} hours of {series.target}, each with a "
        f"{series.coverage:.0%} prediction interval",
        hyper_parameters=hyper_parameters,
        load=data.load,
        split=data.split,
        describe=data.describe,
        prepare=partial(_prepare, series),
        serve=partial(_serve, series),
        outputs=Forecast(series.unit, series.ahead, told, charts).kind,
        gate=gate,
        baselines={"persistence": persistence(series.target, series.coverage)},
        perturb=partial(_perturb, series),
        ablations=_ABLATIONS,
        search_space=_SEARCH_SPACE,
        explanation_quality=partial(_explanation_quality, series),
    )


def _prepare(series: Series, options: HyperParameters, splits: Splits, seed: int) -> Fit:
    """Learn the features' constants, and compile the network."""
    train, batch_size = splits.train, options.batch_size
    features = Features(series, train, others=options.others)
    seen, held_out = features(train.inputs), features(splits.validation.inputs)
    steps_per_epoch = whole_batches(len(train), batch_size)
    network = build_network(options, series, seen["hours"].shape[2], features.level)
    rate = keras.optimizers.schedules.CosineDecay(
        options.learning_rate, options.epochs * steps_per_epoch
    )
    changes = np.abs(train.targets - last_known(train.inputs[series.target])[:, None])
    scales = np.maximum(np.nanmean(changes, axis=0), SMALLEST_CHANGE).tolist()  # [ahead]
    loss = ForecastLoss(series.coverage, scales)
    network.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        def take(rows: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
            batch = {name: tf.gather(tensor, rows) for name, tensor in seen.items()}
            seeds = tf.stack([tf.cast(rows[0], tf.int64), epoch])
            hidden = tf.random.stateless_uniform([batch_size], seeds) < options.hidden_others
            return {**batch, "hours": hide_others(batch["hours"], hidden)}, tf.gather(
                train.targets, rows
            )

        return shuffled(len(train), batch_size, seed=seed, epoch=epoch).map(take)

    validation = tf.data.Dataset.from_tensor_slices((held_out, splits.validation.targets))
    return Fit(
        features=features,
        network=network,
        batches=batches,
        steps_per_epoch=steps_per_epoch,
        validation=validation.batch(1024),
        epochs=options.epochs,
        patience=options.patience,
    )


def _serve(series: Series, fit: Fit) -> ServingGraph:
    """Stretch the intervals until each hour ahead has its coverage on the validation part."""
    answer = ForecastAnswer(fit_stretches(*predict_validation(fit), series.coverage))
    graph = ServingGraph(fit.features, frozen(fit.network), answer)
    graph.explain = lambda inputs: {**graph(inputs), **_explain(graph, fit.features(inputs))}
    return graph


def _explain(graph: ServingGraph, features: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    mean = _mean_of(graph)
    added = integrated_gradients(mean, features)
    known = features["hours"][..., 1]  # [batch, past]
    last = tf.one_hot(last_hour(known), known.shape[1]) * added["last"][:, None]
    return {
        "base": mean({name: tf.zeros_like(tensor) for name, tensor in features.items()}),
        "own": tf.reduce_sum(added["hours"][..., :NUM_OWN], axis=2) + last,
        "others": tf.reduce_sum(added["hours"][..., NUM_OWN:], axis=2),
    }


def _mean_of(graph: ServingGraph) -> Callable[[Mapping[str, tf.Tensor]], tf.Tensor]:
    """Give the function from features to the mean of the forecast, float32[batch]."""

    def mean(features: Mapping[str, tf.Tensor]) -> tf.Tensor:
        return tf.reduce_mean(graph.answer(graph.network(features))["forecast"], axis=1)

    return mean


def _explanation_quality(
    series: Series, fit: Fit, graph: ServingGraph, test: Examples
) -> ExplanationQuality:
    """See whether what the hours add sums up to the forecast."""
    rows = np.linspace(0, len(test) - 1, min(NUM_EXPLAINED, len(test))).astype(np.int64)
    error = completeness(_mean_of(graph), fit.features(test.take(rows).inputs))
    return ExplanationQuality(method="integrated gradients", completeness=error, unit=series.unit)


def _perturb(series: Series, test: Examples) -> dict[str, Examples]:
    """Leave out all other series, or more hours of the target than the data do."""
    others: dict[str, Any] = {
        name: np.full_like(test.inputs[name], UNKNOWN if name in series.categories else np.nan)
        for name in series.columns
        if name != series.target
    }
    gaps = test.inputs[series.target].copy()
    # All but the last hour: without it, an example may lack every value.
    hours = np.random.default_rng(0).permutation(series.past - 1)
    gaps[:, hours[: int(MISSING * series.past)]] = np.nan
    return {
        "none of the other series sent": replace(test, inputs={**test.inputs, **others}),
        "a quarter of the hours missing": replace(
            test, inputs={**test.inputs, series.target: gaps}
        ),
    }
