"""The network that reads digits: its sizes and its layers."""

from dataclasses import dataclass
from typing import Annotated, Any

import keras
from typing_extensions import Doc

from serving.pictures.handwriting import SIDE
from training.pictures.convolutions import FastBatchNormalization
from training.pictures.learning import Learning
from training.recipe import AtLeastOne

from . import CLASSES


@dataclass(frozen=True)
class HyperParameters(Learning):
    """Size of the network, and how it learns."""

    filters: Annotated[AtLeastOne, Doc("of the first layers; later ones have 2 and 4 times")] = 32


def build_network(hyper_parameters: HyperParameters) -> keras.Model:
    """Give ink float32[batch, 28, 28, 1] → logits float32[batch, class]."""
    layers, filters = keras.layers, hyper_parameters.filters

    def convolve(maps: Any, filters: int, side: int, **arguments: Any) -> Any:
        maps = layers.Conv2D(
            filters,
            side,
            use_bias=not hyper_parameters.normalize,
            kernel_initializer="he_normal",
            kernel_regularizer=hyper_parameters.penalty,
            **arguments,
        )(maps)
        if hyper_parameters.normalize:
            maps = FastBatchNormalization(rate=1.0, momentum=0.9)(maps)
        return layers.ReLU()(maps)

    pixels = keras.Input((SIDE, SIDE, 1), name="pixels")
    maps = convolve(pixels, filters, 5, strides=2, padding="same")  # [batch, 14, 14, filter]
    maps = convolve(maps, filters, 3)  # [batch, 12, 12, filter]
    maps = convolve(maps, 2 * filters, 3, strides=2, padding="same")  # [batch, 6, 6, 2 * filter]
    maps = convolve(maps, 2 * filters, 3, padding="same")
    maps = convolve(maps, 2 * filters, 3)  # [batch, 4, 4, 2 * filter]
    pooled = layers.Flatten()(convolve(maps, 4 * filters, 4))  # [batch, 4 * filter]
    pooled = layers.Dropout(hyper_parameters.dropout)(pooled)
    return keras.Model(pixels, layers.Dense(len(CLASSES), name="logits")(pooled), name="digits")
