"""Training on several devices: two logical ones, as no test can count on two GPUs."""

import subprocess
import sys
from pathlib import Path

# Devices are divided before TensorFlow is used, so in a process of its own. The sentiment network
# has an embedding, whose gradients have other shapes on each device.
PROGRAM = """
import sys
from pathlib import Path

import tensorflow as tf

(processor,) = tf.config.list_physical_devices("CPU")
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(processor, halves)

from tests.tiny_recipes import TINY
from training.models import RECIPES
from training.pipeline import TrainingOptions, divide, train

data_folder, checkpoints = map(Path, sys.argv[1:])
options = TrainingOptions(data_folder, checkpoints, checkpoints, devices=["CPU:0", "CPU:1"])
recipe = RECIPES["sentiment"].changed({**TINY["sentiment"], "epochs": 1})
data = recipe.load(data_folder)
training = train("sentiment", recipe, data, divide(recipe, data), options, seed=0)
print("epochs", training.state.epochs, "of", training.fit.epochs)
weights = training.fit.network.weights
assert not any("Mirrored" in type(each.value).__name__ for each in weights)
"""


def test_two_devices_train_one_network(data_folder: Path, tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, data_folder, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "epochs 1 of 1" in finished.stdout
