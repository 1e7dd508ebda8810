"""What fitting refuses to go on with, and when it ends before its last epoch."""

from dataclasses import replace
from pathlib import Path

import keras
import pytest
import tensorflow as tf

from training.errors import Diverged
from training.fit.checkpoints import Checkpoints
from training.fit.fitting import fit_network
from training.recipe import Fit


def test_a_loss_that_explodes_ends_the_training_with_a_remedy(tmp_path: Path) -> None:
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    network.compile(keras.optimizers.SGD(1e30), "mse", jit_compile=False)
    batch = tf.data.Dataset.from_tensors((tf.ones([4, 1]), tf.zeros([4, 1]))).repeat(4)
    fit = Fit(tf.Module(), network, lambda _epoch: batch, 4, batch, 1)
    with pytest.raises(Diverged, match="try a lower --learning-rate"):
        fit_network(fit, Checkpoints(tmp_path, {}), seed=0)


def test_fitting_ends_early_when_the_validation_loss_falls_no_more(tmp_path: Path) -> None:
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    network.compile(keras.optimizers.SGD(1e-3), "mse", jit_compile=False)
    batch = tf.data.Dataset.from_tensors((tf.ones([4, 1]), tf.ones([4, 1]) * 9)).repeat(4)
    opposite = tf.data.Dataset.from_tensors((tf.ones([4, 1]), tf.ones([4, 1]) * -9))
    fit = Fit(tf.Module(), network, lambda _epoch: batch, 4, opposite, 9, patience=2)
    interrupted = replace(fit, epochs=2)

    fit_network(interrupted, Checkpoints(tmp_path, {}), seed=0)
    checkpoints = Checkpoints(tmp_path, {})
    state = checkpoints.restore(network)
    checkpoints.save(network, replace(state, finished=False))
    resumed = fit_network(fit, checkpoints, seed=0)

    # Its first epoch was the best; the one that was resumed knows that.
    assert resumed.epochs == 3
    assert resumed.finished
