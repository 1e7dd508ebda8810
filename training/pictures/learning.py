"""How a network learns which class small grey pictures are of: what is set, and what it sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import keras
import tensorflow as tf
from typing_extensions import Doc

from training.data.examples import Splits
from training.fit.fitting import whole_batches
from training.fit.schedules import OneCycle
from training.pictures.batches import picture_batches
from training.pictures.warps import Warp
from training.recipe import AtLeastOne, AtLeastZero, Fit, NotNegative, Positive, Share


@dataclass(frozen=True)
class Learning:
    """What can be set of it; a recipe adds the sizes of its network."""

    normalize: Annotated[bool, Doc("each channel of a batch, after each convolution")] = True
    dropout: Annotated[Share, Doc("of what the last layer sees, left out in training")] = 0.1
    l1: Annotated[NotNegative, Doc("penalty on the size of each weight")] = 0.0
    l2: Annotated[NotNegative, Doc("penalty on the square of each weight")] = 0.0005
    degrees: Annotated[NotNegative, Doc("by which a picture turns at most")] = 10.0
    zoom: Annotated[Share, Doc("by which it grows, shrinks or slants at most")] = 0.1
    shift_pixels: Annotated[NotNegative, Doc("by which it moves at most")] = 1.0
    wave_pixels: Annotated[NotNegative, Doc("by which parts of it move, as a deviation")] = 0.6
    label_smoothing: Annotated[Share, Doc("of a label, given to all classes alike")] = 0.05
    learning_rate: Annotated[Positive, Doc("at its peak")] = 0.1
    momentum: Annotated[Share, Doc("of SGD, Nesterov's")] = 0.9
    batch_size: Annotated[AtLeastOne, Doc("pictures in a step")] = 128
    epochs: Annotated[AtLeastOne, Doc("times that each picture is seen at most")] = 8
    patience: Annotated[
        AtLeastZero, Doc("epochs without a lower validation loss after which to stop; 0: never")
    ] = 0

    @property
    def warp(self) -> Warp:
        """How pictures are bent."""
        return Warp(self.degrees, self.zoom, self.zoom, self.shift_pixels, self.wave_pixels)

    @property
    def penalty(self) -> keras.regularizers.Regularizer:
        """What large weights cost."""
        return keras.regularizers.L1L2(self.l1, self.l2)


class Ink(tf.Module):
    """Turns `pixels` of the signature, uint8[batch, side, side], into ink from 0 to 1."""

    def __call__(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Give float32[batch, side, side, 1]."""
        return tf.cast(inputs["pixels"], tf.float32)[..., None] / 255


def learn(network: keras.Model, learning: Learning, splits: Splits, seed: int) -> Fit:
    """Compile a network of float32[batch, side, side, 1] → logits, and bend its pictures.

    Raises:
        DataUnfit: the examples do not fill a batch.
    """
    train, features, bend = splits.train, Ink(), learning.warp
    steps_per_epoch = whole_batches(len(train), learning.batch_size)
    network.compile(
        keras.optimizers.SGD(
            OneCycle(learning.learning_rate, learning.epochs * steps_per_epoch),
            momentum=learning.momentum,
            nesterov=True,
        ),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=learning.label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=False,
    )
    pixels = tf.constant(train.inputs["pixels"])  # [example, side, side]

    def look(rows: tf.Tensor, epoch: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        pictures = features({"pixels": tf.gather(pixels, rows)})
        # By two each: bending takes the seed above, too.
        return bend(pictures, tf.stack([seed + 2 * epoch, 2 * step]))

    batches, validation = picture_batches(
        look, features, splits, batch_size=learning.batch_size, seed=seed
    )
    return Fit(
        features=features,
        network=network,
        batches=batches,
        steps_per_epoch=steps_per_epoch,
        validation=validation,
        epochs=learning.epochs,
        classes=splits.classes,
        patience=learning.patience,
    )
