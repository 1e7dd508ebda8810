"""The recipe of a model that is trained on a table: what a user's recipe file calls."""

from collections.abc import Mapping
from functools import partial

import keras
import tensorflow as tf

from serving.card import InputStatistics
from serving.contract import TensorSpec
from training.data.examples import Examples, Splits
from training.data.statistics import summarize
from training.fit.fitting import predict_validation, shuffled, whole_batches
from training.outputs.acceptance import AcceptanceGate
from training.recipe import Choice, Fit, Range, Recipe
from training.serving_graph import ServingGraph, frozen
from training.tabular.answers import TableOutput
from training.tabular.network import Columns, HyperParameters, build_network
from training.tabular.table import TableData

_SEARCH_SPACE: dict[str, Range | Choice] = {
    "units": Choice((16, 32, 64, 128, 256)),
    "layers": Range(1, 4),
    "dropout": Range(0.0, 0.5),
    "learning_rate": Range(3e-4, 3e-2, logarithmic=True),
    "weight_decay": Range(1e-5, 1e-1, logarithmic=True),
}


def table_recipe(
    *,
    inputs: Mapping[str, TensorSpec],
    target: str,
    output: TableOutput,
    gate: AcceptanceGate,
    hyper_parameters: HyperParameters = HyperParameters(),  # noqa: B008  # it is frozen
) -> Recipe[HyperParameters]:
    """Make a recipe for a .csv file with a column for each input, and one for the target.

    `inputs` are those of the signature, each of one value a row; `gate` is what a version must
    reach on the validation part.
    """
    data = TableData(inputs, target, output.classes)
    return Recipe(
        task=f"{'classification' if output.classes else 'regression'} of {target}",
        hyper_parameters=hyper_parameters,
        load=data.load,
        split=data.split,
        describe=_describe,
        prepare=partial(_prepare, output),
        serve=partial(_serve, output),
        outputs=output.kind,
        gate=gate,
        baselines={"the same answer to everybody": output.baseline},
        search_space=_SEARCH_SPACE,
    )


def _describe(train: Examples) -> dict[str, InputStatistics]:
    return {
        name: summarize(column.astype("float32"))
        for name, column in train.inputs.items()
        if column.dtype != object
    }


def _prepare(
    output: TableOutput, hyper_parameters: HyperParameters, splits: Splits, seed: int
) -> Fit:
    """Learn the scales of the columns, and compile the network."""
    train, batch_size = splits.train, hyper_parameters.batch_size
    features = Columns(train)
    inputs, held_out = features(train.inputs), features(splits.validation.inputs)
    targets, truth = (
        output.encode(part.targets, train.targets) for part in (train, splits.validation)
    )
    steps_per_epoch = whole_batches(len(train), batch_size)
    network = build_network(hyper_parameters, inputs.shape[1], output.num_units)
    rate = keras.optimizers.schedules.CosineDecay(
        hyper_parameters.learning_rate, hyper_parameters.epochs * steps_per_epoch
    )
    optimizer = keras.optimizers.AdamW(rate, weight_decay=hyper_parameters.weight_decay)
    network.compile(optimizer, output.loss, jit_compile=False)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        rows = shuffled(len(train), batch_size, seed=seed, epoch=epoch)
        return rows.map(lambda batch: (tf.gather(inputs, batch), tf.gather(targets, batch)))

    return Fit(
        features=features,
        network=network,
        batches=batches,
        steps_per_epoch=steps_per_epoch,
        validation=tf.data.Dataset.from_tensor_slices((held_out, truth)).batch(1024),
        epochs=hyper_parameters.epochs,
        classes=tuple(output.classes),
    )


def _serve(output: TableOutput, fit: Fit) -> ServingGraph:
    """Calibrate the answers on the validation part."""
    answer = output.answer(*predict_validation(fit), fit.features.targets)
    return ServingGraph(fit.features, frozen(fit.network), answer)
