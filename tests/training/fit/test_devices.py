"""Training on several devices: two logical ones, as no test can count on two GPUs."""

import subprocess
import sys
from pathlib import Path

import pytest

from training.models import RECIPES

# Devices are divided before TensorFlow is used, so in a process of its own.
PROGRAM = """
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import tensorflow as tf

(processor,) = tf.config.list_physical_devices("CPU")
halves = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(processor, halves)

from tests.tiny_recipes import TINY
from training.models import RECIPES
from training.pipeline import TrainingOptions, divide, train

name, data_folder, checkpoints = sys.argv[1:]
recipe = RECIPES[name].changed({**TINY[name], "epochs": 3})
data = recipe.load(Path(data_folder))
devices = ["CPU:0", "CPU:1"]
options = TrainingOptions(Path(data_folder), Path(), Path(checkpoints), devices=devices)
training = train(name, recipe, data, divide(recipe, data), options, seed=0)
print("epochs", training.state.epochs, "of", training.fit.epochs)
assert not any("Mirrored" in type(each.value).__name__ for each in training.fit.network.weights)
"""


@pytest.mark.parametrize("name", RECIPES)
def test_two_devices_train_one_network(name: str, data_folder: Path, tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", PROGRAM, name, data_folder, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "epochs 3 of 3" in finished.stdout
