"""The network that forecasts: what can be set of it, and its layers."""

from dataclasses import dataclass
from typing import Annotated

import keras
import numpy as np
from keras import ops
from typing_extensions import Doc

from training.block_lstm import BlockLSTM
from training.recipe import AtLeastOne, AtLeastZero, NotNegative, Positive, Share
from training.series.table import Series


@dataclass(frozen=True)
class HyperParameters:
    """Sizes of the network and of its training."""

    others: Annotated[bool, Doc("look at the other series, too, not at the forecast one alone")] = (
        True
    )
    hidden_others: Annotated[Share, Doc("of the examples, other ones in each epoch")] = 0.25
    units: Annotated[AtLeastOne, Doc("of the LSTM, and of the layer after it")] = 64
    dropout: Annotated[Share, Doc("after the LSTM")] = 0.4
    batch_normalization: Annotated[bool, Doc("after the LSTM")] = False
    l1: Annotated[NotNegative, Doc("penalty on what the LSTM weighs its inputs by")] = 0.0
    l2: Annotated[NotNegative, Doc("penalty on the squares of the same weights")] = 0.0
    learning_rate: Annotated[Positive, Doc("at the start; it falls as a cosine does")] = 1e-3
    batch_size: Annotated[AtLeastOne, Doc("examples in a step")] = 256
    epochs: Annotated[AtLeastOne, Doc("times that each example is seen, at most")] = 8
    patience: Annotated[
        AtLeastZero, Doc("epochs without a lower validation loss, after which it ends; 0: none do")
    ] = 0


def build_network(
    options: HyperParameters, series: Series, num_features: int, level: tuple[float, float]
) -> keras.Model:
    """Give float32[batch, ahead, 3]: logarithms of forecast, lower and upper bound.

    A forecast is the last known value, and how it changes until then.
    """
    hours = keras.Input((series.past, num_features), name="hours")
    last = keras.Input((), name="last")
    penalty = keras.regularizers.L1L2(options.l1, options.l2)
    hidden = BlockLSTM(options.units, kernel_regularizer=penalty)(hours)
    if options.batch_normalization:
        hidden = keras.layers.BatchNormalization()(hidden)
    hidden = keras.layers.Dropout(options.dropout)(hidden)
    hidden = ops.concatenate([hidden, last[:, None]], axis=1)
    hidden = keras.layers.Dense(options.units, "swish")(hidden)
    outputs = ops.reshape(keras.layers.Dense(3 * series.ahead)(hidden), (-1, series.ahead, 3))
    deviation, mean = level
    middle = last[:, None, None] * deviation + mean + outputs[..., :1]  # [batch, ahead, 1]
    away = ops.softplus(outputs[..., 1:]) * np.array([-1, 1], np.float32)
    # The forecast is fitted to the median alone: the bounds must not pull at it.
    bounds = ops.concatenate([middle, ops.stop_gradient(middle) + away], axis=2)
    return keras.Model({"hours": hours, "last": last}, bounds, name="forecast")
