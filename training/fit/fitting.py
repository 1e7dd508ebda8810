"""Fits a network, from where its checkpoints are, with a progress bar; knows no data set."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.errors import DataUnfit, Diverged
from training.fit.checkpoints import Checkpoints
from training.recipe import Fit, State


class EpochProgress(keras.callbacks.Callback):
    """Moves a bar with every batch, and prints a line with the figures of every epoch."""

    def __init__(self, progress: Progress, epochs: int) -> None:
        super().__init__()
        self._progress = progress
        self._epochs = epochs
        self._finished_epochs = 0
        self._bar = progress.add_task("fitting", total=epochs)

    def on_epoch_begin(self, epoch: int, _logs: object = None) -> None:
        self._finished_epochs = epoch
        self._progress.update(self._bar, completed=epoch)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float]) -> None:
        epochs = self._finished_epochs + (batch + 1) / self.params["steps"]
        self._progress.update(self._bar, completed=epochs, description=f"loss {logs['loss']:.4f}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        self._progress.update(self._bar, completed=epoch + 1)
        figures = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        self._progress.console.print(f"epoch {epoch + 1}/{self._epochs}  {figures}")


class Reseed(keras.callbacks.Callback):
    """Makes the noise of an epoch depend on its number alone: checkpoints hold no random state."""

    _NUMBERS_PER_EPOCH = 1_000_000  # more than a generator is asked for in an epoch

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    def on_epoch_begin(self, epoch: int, _logs: object = None) -> None:
        """Set every generator of the network to its own numbers for this epoch."""
        generators = [layer.seed_generator for layer in self.model.layers if _is_random(layer)]
        for index, generator in enumerate(generators):
            first = [self._seed * len(generators) + index, epoch * self._NUMBERS_PER_EPOCH]
            generator.state.assign(first)


class StopEarly(keras.callbacks.Callback):
    """Ends fitting when the validation loss has been no lower for as many epochs as `patience`.

    The network stays as it then is: what was best before is not kept, so that a training that was
    interrupted ends as one that was not.

    Source: L. Prechelt, "Early Stopping - But When?", in "Neural Networks: Tricks of the Trade",
    1998.
    """

    def __init__(self, patience: int, before: State) -> None:
        super().__init__()
        self._patience = patience
        self._losses = list(before.curves.get("val_loss", []))

    def on_epoch_end(self, _epoch: int, logs: Mapping[str, float]) -> None:
        self._losses.append(float(logs["val_loss"]))
        if int(np.argmin(self._losses)) < len(self._losses) - self._patience:
            self.model.stop_training = True


class SaveCheckpoint(keras.callbacks.Callback):
    """Saves what an interrupted training needs to go on, after every epoch."""

    def __init__(self, checkpoints: Checkpoints, state: State) -> None:
        super().__init__()
        self._checkpoints = checkpoints
        self._curves = {name: list(curve) for name, curve in state.curves.items()}
        self._started = time.monotonic() - state.seconds

    def on_epoch_end(self, _epoch: int, logs: Mapping[str, float]) -> None:
        for name, value in logs.items():
            self._curves.setdefault(name, []).append(float(value))
        self._checkpoints.save(self.model, self.state(finished=False))

    def state(self, *, finished: bool) -> State:
        return State(self._curves, time.monotonic() - self._started, finished)


def fit_network(
    fit: Fit,
    checkpoints: Checkpoints,
    *,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> State:
    """Fit for as many epochs as are left, and give the final state.

    Where the optimizer averages its weights, validation and the result are of the averaged ones.

    Raises:
        Diverged: the loss ended as no number.
    """
    state = _fit(fit, checkpoints, seed, callbacks)
    if not np.isfinite([state.curves["loss"][-1], state.curves["val_loss"][-1]]).all():
        raise Diverged("the loss is no number any more: try a lower --learning-rate")
    return state


def _fit(
    fit: Fit,
    checkpoints: Checkpoints,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback],
) -> State:
    before = checkpoints.restore(fit.network)
    if before.finished:
        return before
    save = SaveCheckpoint(checkpoints, before)
    stop = [StopEarly(fit.patience, before)] if fit.patience else []
    average = [keras.callbacks.SwapEMAWeights()] if fit.network.optimizer.use_ema else []
    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.1f}")]
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn()) as progress:
        show = EpochProgress(progress, fit.epochs)
        fit.network.fit(
            _epochs(fit, before.epochs),
            steps_per_epoch=fit.steps_per_epoch,
            initial_epoch=before.epochs,
            epochs=fit.epochs,
            validation_data=fit.validation,
            callbacks=[*average, Reseed(seed), *callbacks, show, save, *stop],
            shuffle=False,  # the recipe has done so
            verbose=0,
        )
    after = save.state(finished=True)
    checkpoints.save(fit.network, after)
    return after


def _epochs(fit: Fit, first: int) -> tf.data.Dataset:
    """Give the batches of all epochs from `first` on, one after the other."""
    return tf.data.Dataset.range(first, fit.epochs).flat_map(fit.batches).prefetch(2)


def _is_random(layer: keras.layers.Layer) -> bool:
    return isinstance(getattr(layer, "seed_generator", None), keras.random.SeedGenerator)


def predict_validation(fit: Fit) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give what the network makes of the validation batches, and their targets, row by row."""
    batch, _ = fit.validation.element_spec
    # Traced once, for batches of any size; Keras' predict traces anew for the last one.
    answer = tf.function(lambda inputs: fit.network(inputs, training=False))
    traced = answer.get_concrete_function(batch)
    rows = [(traced(inputs).numpy(), targets.numpy()) for inputs, targets in fit.validation]
    outputs, targets = zip(*rows, strict=True)
    return np.concatenate(outputs), np.concatenate(targets)


def whole_batches(num_examples: int, batch_size: int) -> int:
    """Give how many full batches there are in an epoch.

    Raises:
        DataUnfit: there is none.
    """
    if num_examples < batch_size:
        raise DataUnfit(
            f"{num_examples} training examples do not fill a batch of {batch_size}: bring more, or "
            f"try --batch-size {max(1, num_examples // 10)}"
        )
    return num_examples // batch_size


def shuffled(num_rows: int, batch_size: int, *, seed: int, epoch: tf.Tensor) -> tf.data.Dataset:
    """Give the row numbers of an epoch's batches, int32[batch], in an order of its own.

    The last batch is left out if it is not full; its rows come in other epochs.
    """
    seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
    order = tf.random.experimental.stateless_shuffle(tf.range(num_rows), seeds)
    return tf.data.Dataset.from_tensor_slices(order).batch(batch_size, drop_remainder=True)
