"""Fits a network on several devices of one machine; knows neither the network nor its data.

Keras' own data parallelism needs its JAX backend; with TensorFlow it is that of `tf.distribute`.
"""

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from training.fit.checkpoints import Checkpoints
from training.fit.fitting import fit_network
from training.recipe import Fit


def gpus() -> list[str]:
    """Give the names of this machine's GPUs."""
    return [device.name for device in tf.config.list_logical_devices("GPU")]


def fit_on(
    devices: Sequence[str],
    prepare: Callable[[], Fit],
    checkpoints: Checkpoints,
    *,
    seed: int,
    callbacks: Sequence[keras.callbacks.Callback] = (),
) -> None:
    """Fit what `prepare` gives, each device on its share of each batch; leave the checkpoint.

    The result is to be restored into a network of its own: this one's weights are in as many copies
    as there are devices, and would be exported with them.
    """
    strategy = tf.distribute.MirroredStrategy(
        list(devices),
        # The default wants gradients of one shape on all devices; those of embeddings have as many
        # rows as there were words.
        cross_device_ops=tf.distribute.ReductionToOneDevice(),
    )
    with strategy.scope():
        fit_network(prepare(), checkpoints, seed=seed, callbacks=callbacks)
