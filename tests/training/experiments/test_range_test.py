"""The range test, on a problem whose highest rate is known, and on the recipes."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.cli.command import find_learning_rates
from training.experiments.range_test import find_learning_rate, plot
from training.pipeline import TrainingOptions
from training.recipe import Fit

SCALE = 3.0


def line(learning_rate: Any) -> Fit:
    """Fit the slope of a line by gradient descent, which is stable below a rate of 1 / SCALE²."""
    keras.utils.set_random_seed(0)
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    network.compile(keras.optimizers.SGD(learning_rate), "mse", jit_compile=False)
    inputs = tf.constant([[SCALE], [-SCALE]] * 32)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        # Other noise in each batch: at rest in the very minimum, no rate could shake the slope.
        noise = tf.random.stateless_normal([64, 1], tf.stack([0, epoch]))
        return tf.data.Dataset.from_tensors((inputs, 5 * inputs + noise))

    return Fit(tf.Module(), network, batches, 1, batches(tf.constant(0, tf.int64)), 1)


@pytest.mark.parametrize("learning_rate", [0.01, keras.optimizers.schedules.CosineDecay(0.01, 9)])
def test_the_suggestion_is_high_and_stable(learning_rate: Any, tmp_path: Path) -> None:
    fit = line(learning_rate)
    before = fit.network.get_weights()
    found = find_learning_rate(fit)
    limit = 1 / SCALE**2
    assert limit / 100 < found.suggestion < limit
    assert found.rates[-1] < 100 * limit  # it stopped where the loss exploded
    assert (np.diff(found.rates) > 0).all()
    np.testing.assert_array_equal(fit.network.get_weights(), before)

    plot(found, "a line", tmp_path / "new" / "line.png")
    assert (tmp_path / "new" / "line.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.usefixtures("tiny_commands")
def test_a_model_gets_a_suggestion_and_a_picture(
    data_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = TrainingOptions(data_folder, tmp_path / "models", tmp_path / "checkpoints")
    find_learning_rates(["housing"], options, {}, tmp_path / "rates")
    shown = " ".join(capsys.readouterr().out.split())
    assert "housing: try --learning-rate " in shown
    assert (tmp_path / "rates" / "housing.png").exists()
    assert not (tmp_path / "models").exists()
    assert not (tmp_path / "checkpoints").exists()
