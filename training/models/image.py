"""How the image model is trained: a small convolutional network on flipped and shifted pictures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sklearn.model_selection import train_test_split

from serving.card import InputStatistics
from serving.models.image import SIDE
from training.classification import ClassScores, evaluate, fit_temperature
from training.data import cifar10
from training.fitting import predict_validation
from training.recipe import Examples, Fit, Gate, Parts, Recipe
from training.servable import Servable
from training.statistics import summarize

CHANNELS = ("red", "green", "blue")


@dataclass(frozen=True)
class HyperParameters:
    """Sizes of the network and of its training."""

    stem_filters: int = 32
    filters: int = 64  # of the first block; each further one has twice as many
    blocks: int = 3
    shift_pixels: int = 2
    label_smoothing: float = 0.1
    learning_rate: float = 5e-3
    warmup_share: float = 0.2
    weight_decay: float = 1e-2
    batch_size: int = 256
    epochs: int = 10
    patience: int = 4


def split(development: Examples) -> Parts:
    """Hold out a tenth of each class."""
    rows = np.arange(len(development))
    train, validation = train_test_split(
        rows, test_size=0.1, random_state=0, stratify=development.targets
    )
    return Parts(
        development.take(train),
        development.take(validation),
        "the data set's own test part; a tenth of each class of the rest: scikit-learn's "
        "train_test_split(test_size=0.1, random_state=0, stratify=targets)",
    )


def describe(train: Examples) -> dict[str, InputStatistics]:
    """Sum up each colour, 0 to 255."""
    pixels = train.inputs["pixels"]
    return {f"pixels.{name}": summarize(pixels[..., i]) for i, name in enumerate(CHANNELS)}


class Standardized(tf.Module):
    """Pixels whose colours have mean 0 and deviation 1 over the training part."""

    def __init__(self, train: Examples) -> None:
        super().__init__()
        statistics = describe(train).values()
        self.mean = tf.constant([each.mean for each in statistics], tf.float32)
        self.deviation = tf.constant([each.standard_deviation for each in statistics], tf.float32)

    def __call__(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Give float32[batch, 32, 32, 3], from the tensors of the signature."""
        return (tf.cast(inputs["pixels"], tf.float32) - self.mean) / self.deviation


def build_network(hyper_parameters: HyperParameters) -> keras.Model:
    """Give standardised pixels → logits float32[batch, 10].

    Source: the layout is that of K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU",
    arXiv 2404.00498, narrower and with common layers only.
    """
    layers = keras.layers
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    maps = layers.Conv2D(hyper_parameters.stem_filters, 2, activation="relu")(pixels)  # 31 x 31
    for block in range(hyper_parameters.blocks):
        filters = hyper_parameters.filters * 2**block
        maps = layers.Conv2D(filters, 3, padding="same", use_bias=False)(maps)
        maps = layers.MaxPooling2D()(maps)  # 15 x 15, 7 x 7, 3 x 3
        maps = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(maps))
        maps = layers.Conv2D(filters, 3, padding="same", use_bias=False)(maps)
        maps = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(maps))
    logits = layers.Dense(len(cifar10.CLASSES), name="logits")(layers.GlobalMaxPooling2D()(maps))
    return keras.Model(pixels, logits, name="image")


def prepare(hyper_parameters: HyperParameters, train: Examples, validation: Examples) -> Fit:
    """Learn the mean of each colour, and compile the network."""
    features = Standardized(train)
    network = build_network(hyper_parameters)
    steps = hyper_parameters.epochs * -(-len(train) // hyper_parameters.batch_size)
    network.compile(
        keras.optimizers.AdamW(_one_cycle(hyper_parameters, steps), hyper_parameters.weight_decay),
        keras.losses.CategoricalCrossentropy(
            from_logits=True, label_smoothing=hyper_parameters.label_smoothing
        ),
        metrics=["accuracy"],
        jit_compile=False,
    )

    def pictures(examples: Examples) -> tf.data.Dataset:
        targets = tf.one_hot(examples.targets, len(cifar10.CLASSES))
        return tf.data.Dataset.from_tensor_slices((examples.inputs["pixels"], targets))

    def batches(dataset: tf.data.Dataset, size: int) -> tf.data.Dataset:
        return dataset.batch(size).map(lambda pixels, y: (features({"pixels": pixels}), y))

    changed = pictures(train).shuffle(len(train)).map(_flip_and_shift(hyper_parameters))
    return Fit(
        features=features,
        network=network,
        train=batches(changed, hyper_parameters.batch_size).prefetch(2),
        validation=batches(pictures(validation), 500),
        epochs=hyper_parameters.epochs,
        patience=hyper_parameters.patience,
    )


def _one_cycle(hyper_parameters: HyperParameters, steps: int) -> Any:
    """Give a learning rate that rises for a while, then falls to nothing along a cosine."""
    warmup_steps = int(steps * hyper_parameters.warmup_share)
    return keras.optimizers.schedules.CosineDecay(
        0.0,
        steps - warmup_steps,
        warmup_target=hyper_parameters.learning_rate,
        warmup_steps=warmup_steps,
    )


def _flip_and_shift(hyper_parameters: HyperParameters) -> Any:
    """Give a function that mirrors half of the pictures, and moves each by some pixels."""
    shift = hyper_parameters.shift_pixels

    def change(pixels: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        framed = tf.pad(pixels, [[shift, shift], [shift, shift], [0, 0]], "REFLECT")
        moved = tf.image.random_crop(framed, [SIDE, SIDE, 3])
        return tf.image.random_flip_left_right(moved), target

    return change


def serve(fit: Fit) -> Servable:
    """Calibrate the scores on the validation part."""
    logits, targets = predict_validation(fit)
    answer = ClassScores(cifar10.CLASSES, fit_temperature(logits, targets.argmax(axis=1)))
    return Servable(fit.features, fit.network, answer)


RECIPE = Recipe(
    task="classification of a picture into ten classes",
    hyper_parameters=HyperParameters(),
    load=cifar10.load,
    split=split,
    describe=describe,
    prepare=prepare,
    serve=serve,
    evaluate=evaluate,
    gate=Gate("accuracy", minimum=0.80),
)
