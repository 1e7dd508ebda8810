"""A convolution over words beside weights of terms: its layers, and how they learn.

Sources: Y. Kim, "Convolutional Neural Networks for Sentence Classification", EMNLP 2014; H. Cheng
et al., "Wide & Deep Learning for Recommender Systems", 2016.
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
from training.recipe import AtLeastOne, Choice, Fit, NotNegative, Positive, Range, Share
from training.texts.features import TextFeatures

WORD_DROPOUT = 0.2  # of units of the vectors, in all words of a text


@dataclass(frozen=True)
class HyperParameters:
    """Sizes of both branches and of their training."""

    words: Annotated[AtLeastOne, Doc("the most frequent, that have vectors")] = 10_000
    terms: Annotated[AtLeastOne, Doc("words and pairs of words that have weights")] = 20_000
    length: Annotated[AtLeastOne, Doc("words of a text that the convolution reads")] = 160
    embedding_units: Annotated[AtLeastOne, Doc("of a word's vector")] = 64
    filters: Annotated[AtLeastOne, Doc("of the convolution")] = 128
    width: Annotated[AtLeastOne, Doc("of the convolution, in words")] = 3
    dropout: Annotated[Share, Doc("of the filters' highest answers")] = 0.5
    term_dropout: Annotated[Share, Doc("of terms")] = 0.5
    normalize: Annotated[bool, Doc("batch normalisation after the convolution")] = True
    l1: Annotated[NotNegative, Doc("penalty on the sizes of terms' weights")] = 0.0
    l2: Annotated[NotNegative, Doc("penalty on their squares")] = 1e-6
    learning_rate: Annotated[Positive, Doc("at its peak")] = 3e-3
    batch_size: Annotated[AtLeastOne, Doc("texts in a step")] = 64
    epochs: Annotated[AtLeastOne, Doc("times that each text is seen")] = 5


ABLATIONS: dict[str, dict[str, Any]] = {
    "no batch normalisation": {"normalize": False},
    "no dropout": {"dropout": 0.0, "term_dropout": 0.0},
    "no penalty": {"l1": 0.0, "l2": 0.0},
}
SEARCH_SPACE: dict[str, Range | Choice] = {
    "filters": Choice((128, 256, 512)),
    "width": Range(2, 5),
    "dropout": Range(0.0, 0.7),
    "term_dropout": Range(0.0, 0.7),
    "l1": Range(1e-9, 1e-5, logarithmic=True),
    "l2": Range(1e-8, 1e-4, logarithmic=True),
    "learning_rate": Range(3e-4, 1e-2, logarithmic=True),
}


def build_network(
    hyper_parameters: HyperParameters, num_words: int, num_terms: int, num_outputs: int
) -> keras.Model:
    """Give what `TextFeatures` gives → logits float32[batch, output]."""
    layers, penalty = keras.layers, keras.regularizers.L1L2
    words = keras.Input((hyper_parameters.length,), dtype="int64", name="words")
    terms = keras.Input((num_terms,), name="terms")
    vectors = layers.Embedding(num_words, hyper_parameters.embedding_units)(words)
    vectors = layers.SpatialDropout1D(WORD_DROPOUT)(vectors)  # [batch, length, unit]
    seen = layers.Conv1D(hyper_parameters.filters, hyper_parameters.width)(vectors)
    if hyper_parameters.normalize:
        seen = layers.BatchNormalization(momentum=0.9)(seen)  # an epoch may have few steps
    seen = layers.GlobalMaxPooling1D()(layers.ReLU()(seen))  # [batch, filter]
    seen = layers.Dropout(hyper_parameters.dropout)(seen)
    weights = layers.Dense(
        num_outputs,
        use_bias=False,
        kernel_regularizer=penalty(hyper_parameters.l1, hyper_parameters.l2),
    )
    weighed = weights(layers.Dropout(hyper_parameters.term_dropout)(terms))
    logits = layers.Add()([layers.Dense(num_outputs)(seen), weighed])
    return keras.Model({"words": words, "terms": terms}, logits, name="texts")


def prepare(
    hyper_parameters: HyperParameters,
    splits: Splits,
    seed: int,
    *,
    encode: Callable[[NDArray[Any]], NDArray[np.float32]],
    loss: keras.losses.Loss,
) -> Fit:
    """Count the words and the terms of the training part, and compile the network.

    `encode` turns targets into what the network is to give, float32[example, output], and `loss`
    compares such rows with its logits.

    Raises:
        DataUnfit: there are fewer examples than in a batch.
    """
    batch_size = hyper_parameters.batch_size
    train, held_out = (
        (tf.constant(part.inputs["text"], tf.string), tf.constant(encode(part.targets)))
        for part in (splits.train, splits.validation)
    )
    num_texts = len(splits.train)
    features = TextFeatures(
        splits.train.inputs["text"],
        num_words=hyper_parameters.words,
        num_terms=hyper_parameters.terms,
        length=hyper_parameters.length,
    )
    network = build_network(
        hyper_parameters, len(features.words), features.num_terms, train[1].shape[1]
    )
    steps_per_epoch = whole_batches(num_texts, batch_size)
    rate = OneCycle(hyper_parameters.learning_rate, hyper_parameters.epochs * steps_per_epoch)
    network.compile(keras.optimizers.Adam(rate), loss, jit_compile=False)

    def see(texts: tf.Tensor, truth: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        return features({"text": texts}), truth

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        rows = shuffled(num_texts, batch_size, seed=seed, epoch=epoch)
        return rows.map(lambda some: see(*(tf.gather(each, some) for each in train)))

    return Fit(
        features=features,
        network=network,
        batches=batches,
        steps_per_epoch=steps_per_epoch,
        validation=tf.data.Dataset.from_tensor_slices(held_out).batch(batch_size).map(see),
        epochs=hyper_parameters.epochs,
        classes=splits.classes,
        words=features.words,
    )


def describe(train: Examples) -> dict[str, InputStatistics]:
    """Sum up the lengths of the texts."""
    words = np.array([float(len(text.split())) for text in train.inputs["text"]])
    return {"text.words": summarize(words)}
