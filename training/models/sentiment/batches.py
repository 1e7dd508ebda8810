"""The batches of the sentiment network: texts of similar length together; knows no network."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.data.examples import Examples
from training.models.sentiment.words import NETWORK_INPUTS, TextFeatures

JITTER = 8  # words, by which the lengths of texts in a batch may differ


def batches_by_length(
    tokens: Sequence[NDArray[np.int32]], targets: NDArray[np.float32], batch_size: int, seed: int
) -> Callable[[tf.Tensor], tf.data.Dataset]:
    """Put texts of similar length together, so that little is computed on padding.

    Gives a function from the number of an epoch to its batches. Which of the texts that are about
    as long are together, and the order of the batches, is another in each epoch.
    """
    lengths = tf.constant([len(text) for text in tokens])
    texts = tf.RaggedTensor.from_row_lengths(np.concatenate(tokens), lengths)  # [text, (word)]
    num_texts = len(tokens)
    labels = tf.constant(targets)
    some = tf.random.experimental

    def load(rows: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        # The LSTM learns alone: its own logit must be right, whatever the n-grams say.
        padded = tf.gather(texts, rows).to_tensor()  # [batch, time]
        return {"tokens": padded, "ngrams": tf.zeros([batch_size])}, tf.gather(labels, rows)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = some.stateless_shuffle(tf.range(num_texts), seeds)  # [text]
        order = order[: num_texts // batch_size * batch_size]
        jitter = tf.random.stateless_uniform(tf.shape(order), seeds, -JITTER, JITTER, tf.int32)
        order = tf.gather(order, tf.argsort(tf.gather(lengths, order) + jitter))
        groups = tf.reshape(order, [-1, batch_size])  # [step, batch]
        groups = some.stateless_shuffle(groups, seeds)
        return tf.data.Dataset.from_tensor_slices(groups).map(load)

    return batches


def validation_batches(
    features: TextFeatures, examples: Examples, batch_size: int
) -> tf.data.Dataset:
    """Give whole texts, as they will be served, those of similar length together."""
    by_length = np.argsort([len(text) for text in examples.inputs["text"]], kind="stable")
    sorted_examples = examples.take(by_length)
    texts = tf.constant(sorted_examples.inputs["text"])
    targets = tf.constant(sorted_examples.targets, tf.float32)
    batches = tf.data.Dataset.from_tensor_slices((texts, targets)).batch(batch_size)

    def look(some: tf.Tensor, truth: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        seen = features({"text": some})
        return {name: seen[name] for name in NETWORK_INPUTS}, truth

    return batches.map(look).cache()
