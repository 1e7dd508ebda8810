"""How the sentiment model is trained: an LSTM in both directions over the words of a text."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit

from serving.card import InputStatistics
from training.classification import ClassScores, evaluate, fit_temperature
from training.data import imdb
from training.fitting import predict_validation, shuffled
from training.recipe import Examples, Fit, Gate, Parts, Recipe
from training.search import Choice, Range
from training.sequences import PoolSequence, ReverseSequence, fuse
from training.servable import Servable
from training.statistics import summarize
from training.word_vectors import word_vectors

CLASSES = ("negative", "positive")

# Token numbers that no word has.
PADDING = 0
UNKNOWN = 1

EMBEDDING = "words"  # name of a layer

# Words; about as many texts lie between each two of them.
BUCKET_BOUNDARIES = (64, 96, 128, 160, 192, 224, 256, 320, 384, 448, 512, 640, 768)


@dataclass(frozen=True)
class HyperParameters:
    """Sizes of the network and of its training."""

    num_words: int = 20_000
    max_tokens: int = 1_024
    embedding_units: int = 64
    lstm_units: int = 64
    word_dropout: float = 0.2
    embedding_dropout: float = 0.3
    dropout: float = 0.5
    learning_rate: float = 2e-3
    batch_size: int = 128
    epochs: int = 4


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


def split_words(texts: tf.Tensor) -> tf.RaggedTensor:
    """Give the words of each text, string[batch, (word)]: lower case, `!` and `?` as words."""
    lower = tf.strings.lower(texts, encoding="utf-8")
    no_marks = tf.strings.regex_replace(lower, r"[^\p{L}\p{N}'!?]+", " ")
    no_quotes = tf.strings.regex_replace(no_marks, r"'+( |$)|(^| )'+", " ")
    return tf.strings.split(tf.strings.regex_replace(no_quotes, r"([!?])", r" \1 "))


class Tokens(tf.Module):
    """The numbers of a text's words, int32[batch, time], padded to the batch's longest text.

    Of a text with too many words the middle is left out: reviewers give their verdict at the ends.
    """

    def __init__(self, words: Sequence[bytes], max_tokens: int) -> None:
        super().__init__()
        numbers = tf.range(UNKNOWN + 1, UNKNOWN + 1 + len(words), dtype=tf.int32)
        initializer = tf.lookup.KeyValueTensorInitializer(list(words), numbers)
        self.table = tf.lookup.StaticHashTable(initializer, UNKNOWN)
        self.half = max_tokens // 2

    def __call__(self, inputs: Mapping[str, Any]) -> tf.Tensor:
        """Give the token numbers of a batch, from the tensors of the signature."""
        tokens = self.ragged(inputs["text"]).to_tensor(PADDING)
        # At least one step, also when there is no word: some kernels refuse none.
        return tf.pad(tokens, [[0, 0], [0, tf.maximum(0, 1 - tf.shape(tokens)[1])]])

    def ragged(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Give the token numbers without padding, int32[batch, (time)]."""
        words = split_words(texts)
        head, rest = words[:, : self.half], words[:, self.half :]
        kept = tf.concat([head, rest[:, -self.half :]], axis=1)
        return kept.with_values(self.table.lookup(kept.values))

    def rows(self, examples: Examples) -> tf.data.Dataset:
        """Give pairs of token numbers, int32[time], and target."""
        ragged = self.ragged(tf.constant(examples.inputs["text"]))
        # Rows of a ragged tensor count as ragged themselves until a function has seen them.
        return tf.data.Dataset.from_tensor_slices((ragged, examples.targets)).map(
            lambda row, target: (tf.ensure_shape(row, [None]), target)
        )


def most_frequent_words(texts: tf.Tensor, num_words: int) -> list[bytes]:
    """Give the words that occur most often, equally frequent ones in the order of their bytes."""
    counts = Counter(split_words(texts).values.numpy())
    return sorted(counts, key=lambda word: (-counts[word], word))[:num_words]


def build_network(hyper_parameters: HyperParameters, num_tokens: int) -> keras.Model:
    """Give tokens int32[batch, time] → logits float32[batch, 2]; padding never counts."""
    layers = keras.layers
    tokens = keras.Input((None,), dtype="int32", name="tokens")
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
    logits = layers.Dense(len(CLASSES), name="logits")(pooled)
    return keras.Model(tokens, logits, name="sentiment")


def prepare(hyper_parameters: HyperParameters, parts: Parts, seed: int) -> Fit:
    """Learn the vocabulary and what its words have in common, and compile the network."""
    train, batch_size = parts.train, hyper_parameters.batch_size
    words = most_frequent_words(tf.constant(train.inputs["text"]), hyper_parameters.num_words)
    features = Tokens(words, hyper_parameters.max_tokens)
    network = build_network(hyper_parameters, UNKNOWN + 1 + len(words))
    # Labels alone would teach the network its training texts by their rare words.
    embedding = network.get_layer(EMBEDDING)
    embedding.set_weights([_learn_vectors(features, train, *embedding.embeddings.shape)])
    texts, targets = features.ragged(tf.constant(train.inputs["text"])), tf.constant(train.targets)
    steps_per_epoch = num_batches_by_length(texts.row_lengths().numpy(), batch_size)
    network.compile(
        keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                hyper_parameters.learning_rate, hyper_parameters.epochs * steps_per_epoch
            ),
            clipnorm=1.0,
        ),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # compiled by XLA, an LSTM trains five times slower on a CPU
    )

    def batches(epoch: tf.Tensor) -> tf.data.Dataset:
        rows = shuffled(len(train), 1, seed=seed, epoch=epoch)
        return batches_by_length(rows.map(lambda row: (texts[row[0]], targets[row[0]])), batch_size)

    return Fit(
        features=features,
        network=network,
        batches=batches,
        steps_per_epoch=steps_per_epoch,
        validation=_counted(batches_by_length(features.rows(parts.validation), batch_size)),
        epochs=hyper_parameters.epochs,
    )


def _learn_vectors(
    tokens: Tokens, train: Examples, num_tokens: int, units: int
) -> NDArray[np.float32]:
    ragged = tokens.ragged(tf.constant(train.inputs["text"]))
    numbers, texts = ragged.values.numpy(), ragged.value_rowids().numpy()
    return word_vectors(numbers, texts, num_tokens=num_tokens, units=units)


def batches_by_length(rows: tf.data.Dataset, batch_size: int) -> tf.data.Dataset:
    """Put texts of similar length together, so that little is computed on padding."""
    return rows.bucket_by_sequence_length(
        lambda row, _target: tf.shape(row)[0],
        BUCKET_BOUNDARIES,
        [batch_size] * (len(BUCKET_BOUNDARIES) + 1),
    )


def num_batches_by_length(lengths: NDArray[np.int64], batch_size: int) -> int:
    """Count the batches of `batches_by_length`, which are as many in any order of the rows."""
    rows_by_bucket = np.bincount(np.digitize(lengths, BUCKET_BOUNDARIES))
    return int(np.ceil(rows_by_bucket / batch_size).sum())


def _counted(batches: tf.data.Dataset) -> tf.data.Dataset:
    """Say how many batches there are: Keras takes uncounted ones for too few."""
    count = sum(1 for _ in batches)
    return batches.apply(tf.data.experimental.assert_cardinality(count))


def serve(fit: Fit) -> Servable:
    """Calibrate the scores, and put the fast form of the LSTM in place of the one that trains."""
    answer = ClassScores(CLASSES, fit_temperature(*predict_validation(fit)))
    return Servable(fit.features, fuse(fit.network), answer)


RECIPE = Recipe(
    task="classification of a text as negative or positive",
    hyper_parameters=HyperParameters(),
    load=imdb.load,
    split=split,
    describe=describe,
    prepare=prepare,
    serve=serve,
    evaluate=evaluate,
    gate=Gate("accuracy", minimum=0.86),
    search_space={
        "lstm_units": Choice((32, 64, 96)),
        "word_dropout": Range(0.0, 0.4),
        "embedding_dropout": Range(0.0, 0.6),
        "dropout": Range(0.0, 0.7),
        "learning_rate": Range(3e-4, 1e-2, logarithmic=True),
    },
)
