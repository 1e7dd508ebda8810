"""The image network: what can be set of it, its input, its layers, and how it learns."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from typing_extensions import Doc

from serving.card import InputStatistics
from serving.pictures.decode import SIDE
from training.fit.schedules import OneCycle
from training.pictures.convolutions import (
    BesideFlipped,
    Dirac,
    FastBatchNormalization,
    FastBias,
    MeanOfFlipped,
)
from training.pictures.explanations import LOGITS
from training.recipe import AtLeastOne, AtLeastZero, NotNegative, Positive, Share

STEM_SIDE = 2  # pixels
LOGIT_SCALE = 1 / 9

# What is seen of a picture beside the logits, by name: float32[batch, filter] each.
EARLY, LAST = "early", "last"


@dataclass(frozen=True)
class HyperParameters:
    """Sizes of the network and of its training."""

    first_filters: Annotated[AtLeastOne, Doc("of the first block")] = 64
    second_filters: Annotated[AtLeastOne, Doc("of the second block")] = 160
    third_filters: Annotated[AtLeastOne, Doc("of the third block")] = 224
    normalize: Annotated[bool, Doc("each channel of a batch, after each convolution")] = True
    flip: Annotated[bool, Doc("show each picture in every other epoch from its other side")] = True
    shift_pixels: Annotated[AtLeastZero, Doc("by which a picture moves at most")] = 4
    hidden_pixels: Annotated[AtLeastZero, Doc("side of the square that is hidden")] = 8
    label_smoothing: Annotated[Share, Doc("of a label, given to all classes alike")] = 0.2
    learning_rate: Annotated[Positive, Doc("at its peak")] = 0.6
    momentum: Annotated[Share, Doc("of SGD, Nesterov's")] = 0.85
    weight_decay: Annotated[NotNegative, Doc("of SGD")] = 0.009
    bias_rate: Annotated[Positive, Doc("times the learning rate, for biases")] = 64.0
    precision: Annotated[
        Literal["mixed_bfloat16", "float32"], Doc("of the convolutions, in training")
    ] = "mixed_bfloat16"
    batch_size: Annotated[AtLeastOne, Doc("pictures in a step")] = 512
    epochs: Annotated[AtLeastOne, Doc("times that each picture is seen")] = 44


class Standardized(tf.Module):
    """Pixels whose colours have mean 0 and deviation 1 over the training part."""

    def __init__(self, colours: Collection[InputStatistics]) -> None:
        """Take what the training part has of red, green and blue."""
        super().__init__()
        self.mean = tf.constant([each.mean for each in colours], tf.float32)  # [3]
        self.deviation = tf.constant([each.standard_deviation for each in colours], tf.float32)

    def __call__(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Give float32[batch, 32, 32, 3], from the tensors of the signature."""
        return (tf.cast(inputs["pixels"], tf.float32) - self.mean) / self.deviation


def build_network(
    hyper_parameters: HyperParameters, stem: NDArray[np.float32], num_classes: int, seed: int
) -> keras.Model:
    """Give standardised pixels → logits float32[batch, class].

    When it answers, it looks at each picture from both sides: flip test-time augmentation.

    Source: the first layer, the starting values and the training are those of K. Jordan, "94% on
    CIFAR-10 in 3.29 Seconds on a Single GPU", arXiv 2404.00498. Each of its blocks then ends in two
    convolutions beside which the maps go on as they are: K. He et al., "Deep Residual Learning for
    Image Recognition", CVPR 2016.
    """
    layers, precision = keras.layers, hyper_parameters.precision

    def convolve(maps: Any, filters: int) -> Any:
        start = Dirac(seed)
        return layers.Conv2D(
            filters, 3, padding="same", use_bias=False, kernel_initializer=start, dtype=precision
        )(maps)

    def center(maps: Any, *, normalize: bool = hyper_parameters.normalize) -> Any:
        rate = hyper_parameters.bias_rate
        if normalize:
            return FastBatchNormalization(rate, momentum=0.6, dtype=precision)(maps)
        return FastBias(rate, dtype=precision)(maps)

    def activate(maps: Any, name: str | None = None) -> Any:
        return layers.Activation("relu", dtype=precision, name=name)(maps)

    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    whiten = layers.Conv2D(
        stem.shape[-1], STEM_SIDE, use_bias=False, trainable=False, dtype=precision
    )
    maps = BesideFlipped()(pixels)  # [2 * batch, 32, 32, 3], in training [batch, 32, 32, 3]
    maps = activate(center(whiten(maps), normalize=False))  # [..., 31, 31, 24]
    whiten.set_weights([stem])
    blocks = {
        EARLY: hyper_parameters.first_filters,
        "middle": hyper_parameters.second_filters,
        "late": hyper_parameters.third_filters,
    }
    for name, filters in blocks.items():
        maps = convolve(maps, filters)  # [..., 31, 31, filter], then 15 x 15, then 7 x 7
        maps = layers.MaxPooling2D(dtype=precision)(maps)  # 15 x 15, then 7 x 7, then 3 x 3
        maps = activate(center(maps))
        residual = activate(center(convolve(maps, filters)))
        residual = center(convolve(residual, filters))
        maps = activate(layers.Add(dtype=precision)([maps, residual]), name)
    highest = layers.GlobalMaxPooling2D(dtype="float32", name=LAST)(maps)  # [..., filter]
    logits = layers.Dense(num_classes, use_bias=False)(highest)  # [..., class]
    logits = layers.Rescaling(LOGIT_SCALE)(logits)
    return keras.Model(pixels, MeanOfFlipped(name="logits")(logits), name="image")


def seeing(network: keras.Model) -> keras.Model:
    """Give the same network, with what it sees on the way, of both sides of a picture.

    That is how lit each map of the first block is on average, and what the last layer decides by.
    """
    early = keras.layers.GlobalAveragePooling2D()(network.get_layer(EARLY).output)
    return keras.Model(
        network.inputs,
        {
            LOGITS: network.output,
            EARLY: MeanOfFlipped()(early),
            LAST: MeanOfFlipped()(network.get_layer(LAST).output),
        },
    )


def compile_network(network: keras.Model, hyper_parameters: HyperParameters, steps: int) -> None:
    """Say how the network learns in so many steps."""
    network.compile(
        keras.optimizers.SGD(
            OneCycle(hyper_parameters.learning_rate, steps),
            momentum=hyper_parameters.momentum,
            nesterov=True,
            weight_decay=hyper_parameters.weight_decay,
        ),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=hyper_parameters.label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=False,
    )
