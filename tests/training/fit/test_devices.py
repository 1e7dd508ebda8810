"""Training on several devices: two logical ones, as no test can count on two GPUs."""

import subprocess
import sys
from pathlib import Path

# Devices are divided before TensorFlow is used, so in a process of its own. The network has an
# embedding, whose gradients have other shapes on each device.
PROGRAM = """
import sys
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

(processor,) = tf.config.list_physical_devices("CPU")
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(processor, halves)

from training.data.examples import Data, Examples, Splits
from training.outputs.acceptance import AcceptanceGate
from training.outputs.classification import CLASSIFICATION, ClassScores
from training.pipeline import TrainingOptions, train
from training.recipe import Fit, Recipe
from training.serving_graph import ServingGraph, frozen


@dataclass(frozen=True)
class HyperParameters:
    epochs: int = 2


def tokens(inputs):
    return inputs["tokens"]


def prepare(hyper_parameters, splits, seed):
    layers = keras.layers
    network = keras.Sequential(
        [
            keras.Input((6,), dtype="int32"),
            layers.Embedding(9, 4),
            layers.GlobalAveragePooling1D(),
            layers.Dense(2),
        ]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(keras.optimizers.SGD(0.5), loss, jit_compile=False)
    train = splits.train
    batches = tf.data.Dataset.from_tensor_slices((train.inputs["tokens"], train.targets)).batch(8)
    return Fit(tokens, network, lambda _epoch: batches, 4, batches, hyper_parameters.epochs)


def serve(fit):
    return ServingGraph(fit.features, frozen(fit.network), ClassScores(("a", "b"), 1.0))


numbers = np.random.default_rng(0).integers(0, 9, (32, 6)).astype(np.int32)
examples = Examples({"tokens": numbers}, (numbers[:, 0] > 4).astype(np.int64))
recipe = Recipe(
    task="",
    hyper_parameters=HyperParameters(),
    load=lambda _folder: data,
    split=lambda development: Splits(development, development, ""),
    describe=lambda _train: {},
    prepare=prepare,
    serve=serve,
    outputs=CLASSIFICATION,
    gate=AcceptanceGate("accuracy"),
)
data = Data("made up", "here", "0", examples, examples, ("a", "b"))
trained = []
for devices in ((), ("CPU:0", "CPU:1")):
    folder = Path(sys.argv[1]) / str(len(devices))
    options = TrainingOptions(None, folder, folder, devices=devices)
    trained.append(train("tiny", recipe, data, recipe.split(examples), options, seed=0))
    weights = trained[-1].fit.network.weights
    assert not any("Mirrored" in type(each.value).__name__ for each in weights)
    print(len(devices), "devices,", trained[-1].state.epochs, "epochs")
for alone, together in zip(*(each.fit.network.get_weights() for each in trained)):
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-5)
print("the same weights")
"""


def test_two_devices_train_the_network_that_one_does(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "2 devices, 2 epochs" in finished.stdout
    assert "the same weights" in finished.stdout
