"""A convolution over words beside what terms say: its layers, and how they learn.

The terms are fitted first; the convolution learns what they leave to be said.

Source: Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from typing_extensions import Doc

from serving.card import InputStatistics
from training.data.examples import Examples, Splits
from training.data.statistics import summarize
from training.fit.fitting import shuffled, whole_batches
from training.fit.schedules import OneCycle
from training.recipe import (
    AtLeastOne,
    AtLeastZero,
    Choice,
    Fit,
    NotNegative,
    Positive,
    Range,
    Share,
)
from training.serving_graph import in_batches
from training.texts.features import fit_features

WORD_DROPOUT = 0.2  # of units of the vectors, in all words of a text


@dataclass(frozen=True)
class HyperParameters:
    """Sizes of both branches and of their training."""

    words: Annotated[AtLeastOne, Doc("the most frequent, that have vectors")] = 10_000
    terms: Annotated[AtLeastOne, Doc("words and pairs of words that have weights")] = 50_000
    strength: Annotated[Positive, Doc("of what terms say: the inverse of the weights' cost")] = 1.0
    length: Annotated[AtLeastOne, Doc("words of a text that the convolution reads")] = 160
    embedding_units: Annotated[AtLeastOne, Doc("of a word's vector")] = 64
    filters: Annotated[AtLeastOne, Doc("of the convolution")] = 128
    width: Annotated[AtLeastOne, Doc("of the convolution, in words")] = 3
    dropout: Annotated[Share, Doc("of the filters' highest answers")] = 0.5
    normalize: Annotated[bool, Doc("batch normalisation after the convolution")] = True
    l1: Annotated[NotNegative, Doc("penalty on the sizes of the filters' weights")] = 0.0
    l2: Annotated[NotNegative, Doc("penalty on their squares")] = 1e-5
    learning_rate: Annotated[Positive, Doc("at its peak")] = 2e-3
    averaging: Annotated[Share, Doc("of the weights, over about the last hundred steps")] = 0.99
    batch_size: Annotated[AtLeastOne, Doc("texts in a step")] = 64
    epochs: Annotated[AtLeastOne, Doc("times that each text is seen, at most")] = 12
    patience: Annotated[
        AtLeastZero, Doc("epochs without a lower validation loss, after which it ends; 0: none do")
    ] = 1


ABLATIONS: dict[str, dict[str, Any]] = {
    "no batch normalisation": {"normalize": False},
    "no dropout": {"dropout": 0.0},
    "no penalty": {"l1": 0.0, "l2": 0.0},
}
SEARCH_SPACE: dict[str, Range | Choice] = {
    "filters": Choice((128, 256, 512)),
    "width": Range(2, 5),
    "dropout": Range(0.0, 0.7),
    "strength": Range(0.1, 10.0, logarithmic=True),
    "l1": Range(1e-9, 1e-5, logarithmic=True),
    "l2": Range(1e-8, 1e-4, logarithmic=True),
    "learning_rate": Range(3e-4, 1e-2, logarithmic=True),
}


def build_network(
    hyper_parameters: HyperParameters, num_words: int, num_outputs: int
) -> keras.Model:
    """Give what `TextFeatures` gives → logits float32[batch, output].

    Before it has learned anything, they are those of the terms.
    """
    layers = keras.layers
    words = keras.Input((hyper_parameters.length,), dtype="int64", name="words")
    terms = keras.Input((num_outputs,), name="terms")
    vectors = layers.Embedding(num_words, hyper_parameters.embedding_units)(words)
    vectors = layers.SpatialDropout1D(WORD_DROPOUT)(vectors)  # [batch, length, unit]
    seen = layers.Conv1D(
        hyper_parameters.filters,
        hyper_parameters.width,
        kernel_regularizer=keras.regularizers.L1L2(hyper_parameters.l1, hyper_parameters.l2),
    )(vectors)
    if hyper_parameters.normalize:
        seen = layers.BatchNormalization(momentum=0.9)(seen)  # an epoch may have few steps
    seen = layers.GlobalMaxPooling1D()(layers.ReLU()(seen))  # [batch, filter]
    seen = layers.Dropout(hyper_parameters.dropout)(seen)
    missing = layers.Dense(num_outputs, kernel_initializer="zeros")(seen)
    logits = layers.Add()([missing, terms])
    return keras.Model({"words": words, "terms": terms}, logits, name="texts")


def prepare(
    hyper_parameters: HyperParameters,
    splits: Splits,
    seed: int,
    *,
    encode: Callable[[NDArray[Any]], NDArray[np.float32]],
    loss: keras.losses.Loss,
) -> Fit:
    """Count the words and fit the terms of the training part, and compile the network.

    `encode` turns targets into what the network is to give, float32[example, output], and `loss`
    compares such rows with its logits.

    Raises:
        DataUnfit: there are fewer examples than in a batch.
    """
    train, batch_size = splits.train, hyper_parameters.batch_size
    steps_per_epoch = whole_batches(len(train), batch_size)
    truth = encode(train.targets)
    features, seen = fit_features(
        train.inputs["text"],
        truth > 0,
        num_words=hyper_parameters.words,
        num_terms=hyper_parameters.terms,
        strength=hyper_parameters.strength,
        length=hyper_parameters.length,
    )
    network = build_network(hyper_parameters, len(features.words), truth.shape[1])
    rate = OneCycle(hyper_parameters.learning_rate, hyper_parameters.epochs * steps_per_epoch)
    averaged = {"use_ema": True, "ema_momentum": hyper_parameters.averaging}
    network.compile(keras.optimizers.Adam(rate, **averaged), loss, jit_compile=False)
    validation = splits.validation
    held_out = in_batches(features, validation.inputs, len(validation)), encode(validation.targets)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        rows = shuffled(len(train), batch_size, seed=seed, epoch=epoch)
        return rows.map(
            lambda some: tf.nest.map_structure(lambda each: tf.gather(each, some), (seen, truth))
        )

    return Fit(
        features=features,
        network=network,
        batches=batches,
        steps_per_epoch=steps_per_epoch,
        validation=tf.data.Dataset.from_tensor_slices(held_out).batch(batch_size),
        epochs=hyper_parameters.epochs,
        classes=splits.classes,
        words=features.words,
        patience=hyper_parameters.patience,
    )


def describe(train: Examples) -> dict[str, InputStatistics]:
    """Sum up the lengths of the texts."""
    words = np.array([float(len(text.split())) for text in train.inputs["text"]])
    return {"text.words": summarize(words)}
