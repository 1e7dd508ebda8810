"""Finds a learning rate before any training: raises it with every batch until the loss explodes.

Source: L. Smith, "Cyclical Learning Rates for Training Neural Networks", arXiv 1506.01186, and
"A disciplined approach to neural network hyper-parameters", arXiv 1803.09820.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.recipe import Fit

LOWEST, HIGHEST = 1e-6, 10.0
NUM_STEPS = 140  # twenty for each power of ten
MEMORY = 0.8  # of the smoothed loss, for what it was a step before
EXPLODED = 4.0  # times the lowest loss


@dataclass(frozen=True)
class RangeTest:
    """The rates in the order that they were tried, float64[step], and the smoothed losses there."""

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]

    @property
    def suggestion(self) -> float:
        """A tenth of the rate with the lowest loss: from there on it fell no more."""
        return float(self.rates[int(self.losses.argmin())]) / 10


class RecordLosses(keras.callbacks.Callback):
    """Smooths the loss of every batch, and stops when it has exploded."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self._average = 0.0

    def on_train_batch_end(self, _batch: int, logs: Mapping[str, float]) -> None:
        """Take the loss of this batch alone: Keras gives the mean since the last reset."""
        self.model.reset_metrics()
        self._average = MEMORY * self._average + (1 - MEMORY) * float(logs["loss"])
        smoothed = self._average / (1 - MEMORY ** (len(self.losses) + 1))
        if not isfinite(smoothed) or smoothed > EXPLODED * min(self.losses, default=smoothed):
            self.model.stop_training = True
        else:
            self.losses.append(smoothed)


def find_learning_rate(fit: Fit) -> RangeTest:
    """Try rates from the lowest to the highest; the weights are afterwards what they were."""
    network, record = fit.network, RecordLosses()
    weights = network.get_weights()
    network.optimizer.learning_rate = keras.optimizers.schedules.ExponentialDecay(
        LOWEST, decay_steps=NUM_STEPS, decay_rate=HIGHEST / LOWEST
    )
    network.fit(
        tf.data.Dataset.range(NUM_STEPS).flat_map(fit.batches),  # an epoch has a batch at least
        steps_per_epoch=NUM_STEPS,
        callbacks=[record],
        shuffle=False,
        verbose=0,
    )
    network.set_weights(weights)
    rates = LOWEST * (HIGHEST / LOWEST) ** (np.arange(len(record.losses)) / NUM_STEPS)
    return RangeTest(rates, np.array(record.losses))


def plot(found: RangeTest, title: str, path: Path) -> None:
    """Draw the losses over the rates, with the suggestion marked, as a PNG file."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(found.rates, found.losses, color="black")
    axes.axvline(found.suggestion, color="black", linestyle="--")
    axes.annotate(f" {found.suggestion:.2g}", (found.suggestion, found.losses.max()), va="top")
    axes.set(xscale="log", xlabel="learning rate", ylabel="smoothed loss of a batch", title=title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
