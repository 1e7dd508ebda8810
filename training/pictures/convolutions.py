"""Keras layers and starting values for convolutional networks; know nothing of what is pictured.

Source: K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
arXiv 2404.00498.
"""

from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops
from numpy.typing import NDArray

VARIANCE_FLOOR = 5e-4  # of a whitened direction: below it there is noise alone


class FastBias(keras.layers.Layer):
    """Add a bias to each channel, and learn it `rate` times as fast as the other weights."""

    def __init__(self, rate: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.rate = rate

    def build(self, shape: tuple[int | None, ...]) -> None:
        # Both its gradient and its effect get a root of the rate.
        self.bias = self.add_weight((shape[-1],), "zeros", name="bias")  # [channel]

    def call(self, maps: Any) -> Any:
        return maps + ops.cast(self.scaled(), maps.dtype)  # [..., channel], as they came

    def scaled(self) -> Any:
        """Give what is added, float32[channel]."""
        return self.bias * self.rate**0.5

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}


class FastBatchNormalization(keras.layers.BatchNormalization):
    """Normalise each channel, then add a bias that is learned as in `FastBias`; no scale.

    With TensorFlow, Keras' own layer trains by a dozen operations, this one by a single one: a
    network of convolutions then trains half again as fast on a CPU.
    """

    def __init__(self, rate: float, momentum: float, **arguments: Any) -> None:
        super().__init__(momentum=momentum, center=False, scale=False, **arguments)
        self.bias = FastBias(rate, dtype=self.dtype_policy)

    def build(self, shape: tuple[int | None, ...]) -> None:
        super().build(shape)
        self.bias.build(shape)

    def call(self, maps: Any, training: bool = False) -> Any:
        if not training or keras.backend.backend() != "tensorflow":
            return self.bias(super().call(maps, training=training))
        channels = maps.shape[-1]
        nothing = ops.zeros((0,))
        normal, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=maps,
            scale=ops.ones((channels,)),
            offset=ops.cast(self.bias.scaled(), "float32"),
            mean=nothing,
            variance=nothing,
            epsilon=self.epsilon,
            is_training=True,
        )
        for moving, seen in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + seen * (1 - self.momentum))
        return normal  # [batch, height, width, channel], as they came

    def get_config(self) -> dict[str, Any]:
        kept = ("name", "dtype", "trainable", "momentum", "epsilon")
        config = super().get_config()
        return {**{name: config[name] for name in kept}, "rate": self.bias.rate}


class BesideFlipped(keras.layers.Layer):
    """Pictures, followed by themselves flipped left to right; in training, the pictures alone."""

    def call(self, pictures: Any, training: bool = False) -> Any:
        """Give [2 * batch, height, width, channel], in training [batch, ...]."""
        return pictures if training else ops.concatenate([pictures, pictures[:, :, ::-1]], axis=0)


class MeanOfFlipped(keras.layers.Layer):
    """The mean of the answers to a picture and to the same one flipped, if there are both."""

    def call(self, answers: Any, training: bool = False) -> Any:
        """Give [batch, output] for [2 * batch, output]; in training, what came in."""
        if training:
            return answers
        answers = ops.reshape(answers, (2, -1, answers.shape[-1]))  # [2, batch, output]
        return ops.mean(answers, axis=0)  # [batch, output]


@keras.saving.register_keras_serializable("tfgate")
class Dirac(keras.initializers.Initializer):
    """Let the first filters of a 3 x 3 convolution hand on one channel each, and others be random.

    The signal then reaches the last layer from the first step on. Source: S. Zagoruyko, N.
    Komodakis, "DiracNets: Training Very Deep Neural Networks Without Skip-Connections", arXiv
    1706.00388.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, shape: tuple[int, int, int, int], dtype: Any = None) -> Any:
        height, width, channels, filters = shape
        bound = (height * width * channels) ** -0.5
        kernel = np.random.default_rng(self.seed).uniform(-bound, bound, shape)
        handed_on = np.arange(min(channels, filters))
        kernel[..., handed_on] = 0
        kernel[height // 2, width // 2, handed_on, handed_on] = 1
        return ops.convert_to_tensor(kernel, dtype or keras.config.floatx())

    def get_config(self) -> dict[str, Any]:
        return {"seed": self.seed}


def whitening_kernel(pictures: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Give filters whose answers to the patches of these pictures are uncorrelated, variance 1.

    `pictures` is float32[picture, height, width, channel]; the result, float32[side, side, channel,
    filter], has each filter also with the opposite sign, since what follows drops the negative.
    """
    height, width = (size - side + 1 for size in pictures.shape[1:3])
    offsets = [(row, column) for row in range(side) for column in range(side)]
    patches = np.stack(
        [pictures[:, row : row + height, column : column + width] for row, column in offsets],
        axis=3,
    )  # [picture, height, width, side * side, channel]
    rows = patches.reshape(-1, side * side * pictures.shape[-1])  # [patch, value]
    variances, directions = np.linalg.eigh(np.cov(rows.T))  # [direction], [value, direction]
    filters = (directions / np.sqrt(variances + VARIANCE_FLOOR)).reshape(
        side, side, pictures.shape[-1], -1
    )  # [side, side, channel, direction]
    kernel: NDArray[np.float32] = np.concatenate([filters, -filters], axis=-1).astype(np.float32)
    return kernel
