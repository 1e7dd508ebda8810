"""Fits a network with early stopping and a progress bar; knows no data set and no model."""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from serving.card import LearningCurve
from training.recipe import Fit


class EpochProgress(keras.callbacks.Callback):
    """Moves a bar with every batch, and prints a line with the figures of every epoch."""

    def __init__(self, progress: Progress, epochs: int) -> None:
        super().__init__()
        self._progress = progress
        self._epochs = epochs
        self._finished_epochs = 0
        self._bar = progress.add_task("fitting", total=epochs)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, float]) -> None:
        """Move the bar, and show the running loss beside it."""
        epochs = self._finished_epochs + (batch + 1) / self.params["steps"]
        self._progress.update(self._bar, completed=epochs, description=f"loss {logs['loss']:.4f}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Print the figures of the epoch."""
        self._finished_epochs = epoch + 1
        self._progress.update(self._bar, completed=self._finished_epochs)
        figures = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        self._progress.console.print(f"epoch {epoch + 1}/{self._epochs}  {figures}")


def fit_network(fit: Fit) -> list[LearningCurve]:
    """Fit until the validation loss stops falling, and keep the weights of the best epoch."""
    columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed:.1f}")]
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn()) as progress:
        stop_early = keras.callbacks.EarlyStopping(patience=fit.patience, restore_best_weights=True)
        history = fit.network.fit(
            fit.train,
            validation_data=fit.validation,
            epochs=fit.epochs,
            callbacks=[stop_early, EpochProgress(progress, fit.epochs)],
            shuffle=False,  # the recipe has done so
            verbose=0,
        ).history
    return [
        LearningCurve(name=name, train=curve, validation=history[f"val_{name}"])
        for name, curve in history.items()
        if f"val_{name}" in history
    ]


def predict_validation(fit: Fit) -> tuple[NDArray[Any], NDArray[Any]]:
    """Give what the network makes of the validation batches, and their targets, row by row."""
    targets = [target for _, target in fit.validation.as_numpy_iterator()]
    return fit.network.predict(fit.validation, verbose=0), np.concatenate(targets)
