"""How the sentiment model is trained: an LSTM in both directions, beside weighted n-grams.

The n-grams are fitted first. What they say of reviews that nobody has labelled, the LSTM learns
together with the labels; in the end the two are weighed against each other on the validation part.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.model_selection import GroupShuffleSplit

from serving.card import InputStatistics
from serving.contract import Tensors
from training.bounds import AtLeastOne, Positive, Share
from training.data.statistics import summarize
from training.fit.fitting import predict_validation, whole_batches
from training.fit.schedules import OneCycle
from training.models.sentiment import imdb
from training.models.sentiment.fused import FusedNetwork
from training.models.sentiment.ngrams import (
    fit_ngrams,
    frequent_ngrams,
    log_count_ratios,
    present_ngrams,
)
from training.models.sentiment.perturbations import disturb_texts
from training.models.sentiment.pseudo_labels import Counting, teach
from training.models.sentiment.sequences import PoolSequence, ReverseSequence
from training.models.sentiment.words import PADDING, TextFeatures, number_texts
from training.outputs.classification import BlendedScores, evaluate, fit_blend
from training.recipe import Examples, Fit, Gate, Parts, Recipe
from training.search import Choice, Range
from training.serving_graph import Servable

EMBEDDING = "words"  # name of a layer
JITTER = 8  # words, by which the lengths of texts in a batch may differ


@dataclass(frozen=True)
class HyperParameters(Counting):
    """Sizes of both branches and of their training."""

    embedding_scale: Positive = 0.5
    lstm_units: AtLeastOne = 64
    word_dropout: Share = 0.1
    embedding_dropout: Share = 0.3
    dropout: Share = 0.4
    learning_rate: Positive = 2e-3
    averaging: Share = 0.998  # of the weights, over about the last five hundred steps
    batch_size: AtLeastOne = 128
    epochs: AtLeastOne = 4


def split(development: Examples) -> Parts:
    """Hold out a tenth by film, since reviews of one film share its names and plot."""
    splitter = GroupShuffleSplit(n_splits=1, test_size=0.1, random_state=0)
    rows = np.arange(len(development))
    train, validation = next(splitter.split(rows, groups=development.groups))
    return Parts(
        development.take(train),
        development.take(validation),
        "the data set's own test part; the rest by film: scikit-learn's "
        "GroupShuffleSplit(test_size=0.1, random_state=0)",
    )


def describe(train: Examples) -> dict[str, InputStatistics]:
    """Sum up the lengths of the texts."""
    texts = [text.decode() for text in train.inputs["text"]]
    return {
        "text.characters": summarize(np.array([float(len(text)) for text in texts])),
        "text.words": summarize(np.array([float(len(text.split())) for text in texts])),
    }


def build_network(hyper_parameters: HyperParameters, num_tokens: int) -> keras.Model:
    """Give tokens int32[batch, time] and ngrams float32[batch] → float32[batch, 2].

    The result is the logit of the second class: that of the LSTM, where padding never counts, and
    that of the n-grams as it came.
    """
    layers = keras.layers
    tokens = keras.Input((None,), dtype="int32", name="tokens")
    ngrams = keras.Input((), name="ngrams")
    lengths = keras.ops.sum(keras.ops.cast(tokens != PADDING, "int32"), axis=1)
    embed = layers.Embedding(num_tokens, hyper_parameters.embedding_units, name=EMBEDDING)
    pools = []
    for sequence in (tokens, ReverseSequence()(tokens, lengths)):
        words = embed(sequence)
        words = layers.Dropout(hyper_parameters.word_dropout, noise_shape=(None, None, 1))(words)
        words = layers.SpatialDropout1D(hyper_parameters.embedding_dropout)(words)
        states = layers.LSTM(hyper_parameters.lstm_units, return_sequences=True)(words)
        pools.append(PoolSequence()(states, lengths))
    pooled = layers.Dropout(hyper_parameters.dropout)(layers.Concatenate()(pools))
    logit = layers.Dense(1, name="logit")(pooled)
    branches = layers.Concatenate()([logit, layers.Reshape((1,))(ngrams)])
    return keras.Model({"tokens": tokens, "ngrams": ngrams}, branches, name="sentiment")


@keras.saving.register_keras_serializable("tfgate")
def loss(truth: Any, branches: Any) -> Any:
    """Give the cross entropy of what the LSTM says with probabilities of the second class."""
    return keras.losses.binary_crossentropy(truth[:, None], branches[:, :1], from_logits=True)


@keras.saving.register_keras_serializable("tfgate")
def accuracy(truth: Any, branches: Any) -> Any:
    """Give the share of texts that the LSTM alone puts on the more probable side."""
    return keras.ops.cast((branches[:, 0] > 0) == (truth > 0.5), "float32")


def prepare(hyper_parameters: HyperParameters, parts: Parts, seed: int) -> Fit:
    """Count the words, fit the n-grams, let them label what has no label; compile the network."""
    counting = {field.name: getattr(hyper_parameters, field.name) for field in fields(Counting)}
    taught = teach(Counting(**counting), parts)
    network = build_network(hyper_parameters, len(taught.vectors))
    # Labels alone would teach the network its training texts by their rare words.
    network.get_layer(EMBEDDING).set_weights([taught.vectors * hyper_parameters.embedding_scale])
    batch_size = hyper_parameters.batch_size
    steps_per_epoch = whole_batches(len(taught.targets), batch_size)
    _compile(network, hyper_parameters, hyper_parameters.epochs * steps_per_epoch)
    return Fit(
        features=taught.features,
        network=network,
        batches=batches_by_length(taught.tokens, taught.targets, batch_size, seed),
        steps_per_epoch=steps_per_epoch,
        validation=_validation_batches(taught.features, parts.validation, batch_size),
        epochs=hyper_parameters.epochs,
        classes=parts.classes,
        words=taught.words,
    )


def _compile(network: keras.Model, hyper_parameters: HyperParameters, steps: int) -> None:
    network.compile(
        keras.optimizers.Adam(
            OneCycle(hyper_parameters.learning_rate, steps, rise=0.2),
            clipnorm=1.0,
            use_ema=True,
            ema_momentum=hyper_parameters.averaging,
        ),
        loss,
        metrics=[accuracy],
        jit_compile=False,  # compiled by XLA, an LSTM trains five times slower on a CPU
    )


def batches_by_length(
    tokens: Sequence[NDArray[np.int32]], targets: NDArray[np.float32], batch_size: int, seed: int
) -> Callable[[tf.Tensor], tf.data.Dataset]:
    """Put texts of similar length together, so that little is computed on padding.

    Gives a function from the number of an epoch to its batches. Which of the texts that are about
    as long are together, and the order of the batches, is another in each epoch.
    """
    lengths = tf.constant([len(text) for text in tokens])
    texts = tf.RaggedTensor.from_row_lengths(np.concatenate(tokens), lengths)
    num_texts = len(tokens)
    labels = tf.constant(targets)
    some = tf.random.experimental

    def load(rows: tf.Tensor) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        # The LSTM learns alone: its own logit must be right, whatever the n-grams say.
        inputs = {"tokens": tf.gather(texts, rows).to_tensor(), "ngrams": tf.zeros([batch_size])}
        return inputs, tf.gather(labels, rows)

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        seeds = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = some.stateless_shuffle(tf.range(num_texts), seeds)
        order = order[: num_texts // batch_size * batch_size]
        jitter = tf.random.stateless_uniform(tf.shape(order), seeds, -JITTER, JITTER, tf.int32)
        order = tf.gather(order, tf.argsort(tf.gather(lengths, order) + jitter))
        groups = some.stateless_shuffle(tf.reshape(order, [-1, batch_size]), seeds)
        return tf.data.Dataset.from_tensor_slices(groups).map(load)

    return batches


def _validation_batches(
    features: TextFeatures, examples: Examples, batch_size: int
) -> tf.data.Dataset:
    """Give whole texts, as they will be served, those of similar length together."""
    by_length = np.argsort([len(text) for text in examples.inputs["text"]], kind="stable")
    sorted_examples = examples.take(by_length)
    texts = tf.constant(sorted_examples.inputs["text"])
    targets = tf.constant(sorted_examples.targets, tf.float32)
    batches = tf.data.Dataset.from_tensor_slices((texts, targets)).batch(batch_size)
    return batches.map(lambda some, truth: (features({"text": some}), truth)).cache()


def serve(fit: Fit) -> Servable:
    """Weigh the branches against each other, and put the fast form of the network in its place."""
    branches, targets = predict_validation(fit)
    answer = BlendedScores(fit.classes, *fit_blend(branches, targets))
    return Servable(fit.features, FusedNetwork(fit.network), answer)


def ngrams_alone(train: Examples, inputs: Tensors) -> Tensors:
    """Answer by n-grams that were fitted on the labelled texts: the signature's outputs."""
    hyper_parameters = HyperParameters()
    labelled = number_texts(train.inputs["text"]).texts
    known = frequent_ngrams(labelled, least=1)
    present = present_ngrams(labelled, known)
    ratios = log_count_ratios(present, train.targets)
    ngrams = fit_ngrams(known, present, train.targets, ratios, hyper_parameters.ngram_strength)
    logits = ngrams.logits(present_ngrams(number_texts(inputs["text"]).texts, known))
    scores = np.stack([expit(-logits), expit(logits)], axis=1).astype(np.float32)
    classes = np.tile(np.array([name.encode() for name in imdb.CLASSES], object), (len(logits), 1))
    return {"classes": classes, "scores": scores}


RECIPE = Recipe(
    task="classification of a text as negative or positive",
    hyper_parameters=HyperParameters(),
    load=imdb.load,
    split=split,
    describe=describe,
    prepare=prepare,
    serve=serve,
    evaluate=evaluate,
    gate=Gate("accuracy", minimum=0.90),
    baselines={"naive Bayes weighted n-grams, 1 to 3 words": ngrams_alone},
    disturb=disturb_texts,
    ablations={
        "in one epoch": {"epochs": 1},
        "less dropout": {"word_dropout": 0.0, "embedding_dropout": 0.0, "dropout": 0.0},
        "less averaging of weights": {"averaging": 0.0},
    },
    search_space={
        "lstm_units": Choice((32, 64, 96)),
        "word_dropout": Range(0.0, 0.4),
        "embedding_dropout": Range(0.0, 0.6),
        "dropout": Range(0.0, 0.7),
        "learning_rate": Range(3e-4, 1e-2, logarithmic=True),
    },
)
