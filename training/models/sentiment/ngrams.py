"""Scores texts by the words, word pairs and word triples in them; knows no data set and no label.

Source: S. Wang, C. Manning, "Baselines and Bigrams: Simple, Good Sentiment and Topic
Classification", ACL 2012: logistic regression on the n-grams of a text, each scaled by its naive
Bayes log-count ratio.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import expit

from training.models.sentiment.lookup import Lookup
from training.serving_graph import stored_once

LONGEST = 3  # words

# A hash is a polynomial in the words' numbers modulo a prime: below 2**31, so that a product of two
# fits into an int64.
PRIME = 2**31 - 1
FACTOR = 1_009_003_027
NO_NGRAM = 0

TEXTS_AT_ONCE = 500
MOST_STEPS = 30  # of the optimizer


def ngram_hashes(numbers: tf.Tensor) -> tf.Tensor:
    """Give the hash of each n-gram, int64[text, ngram], or `NO_NGRAM`: words, pairs, triples.

    `numbers` is int64[text, word], from 1 to PRIME - 1, with zeros on the right of short texts.
    """
    return tf.concat(_hashes(numbers), axis=1)


def _hashes(numbers: tf.Tensor) -> list[tf.Tensor]:
    """Give those of words, of pairs and of triples apart, each by where its first word stands."""
    ending = numbers * FACTOR % PRIME  # the n-gram that ends at each word; first, the word itself
    hashes = [ending]  # [text, word] each, one word less each time
    for longer in range(1, LONGEST):
        last = numbers[:, longer:]  # [text, word - longer]
        ending = (ending[:, :-1] + last) % PRIME * FACTOR % PRIME
        hashes.append(tf.where(last > 0, ending, NO_NGRAM))
    return hashes


@dataclass(frozen=True)
class Ngrams:
    """What was learned of n-grams: their hashes, int32[ngram] in order, and weights with a bias."""

    known: NDArray[np.int32]
    weights: NDArray[np.float64]
    bias: float

    def logits(self, present: csr_matrix) -> NDArray[np.float64]:
        """Give the logit of the second class for texts whose n-grams `present_ngrams` found."""
        root = np.sqrt(np.maximum(np.diff(present.indptr), 1))  # [text]
        logits: NDArray[np.float64] = present @ self.weights / root + self.bias
        return logits


class NgramScores(tf.Module):
    """The same in a graph: the weights of a text's n-grams over the root of their number.

    An n-gram that a text has several times counts once.
    """

    def __init__(self, ngrams: Ngrams) -> None:
        super().__init__()
        self._known = Lookup(ngrams.known)
        # What is not known is looked up at the last place, where no n-gram is.
        self._weights = stored_once(np.append(ngrams.weights, 0).astype(np.float16))
        self.bias = ngrams.bias

    def __call__(self, numbers: tf.Tensor) -> tf.Tensor:
        """Give the logit of the second class, float32[text], for `numbers` as `ngram_hashes`."""
        found = self._find(numbers)
        weights, texts = self._weigh(tf.unique(tf.reshape(found, [-1])).y)
        num_texts = tf.shape(found)[0]
        total = tf.math.unsorted_segment_sum(weights, texts, num_texts)  # [text]
        return total * _scale(texts, num_texts) + self.bias

    def contributions(self, numbers: tf.Tensor) -> tf.Tensor:
        """Give what each word adds to the logit, float32[text, word]: with the bias, that is all.

        What an n-gram adds is shared equally by its words, wherever the text has it.
        """
        num_words = tf.shape(numbers)[1]
        found = self._find(tf.pad(numbers, [[0, 0], [0, LONGEST - 1]]))  # [text, ngram]
        ngrams, place, times = tf.unique_with_counts(tf.reshape(found, [-1]))
        weights, texts = self._weigh(ngrams)
        scale = tf.gather(_scale(texts, tf.shape(found)[0]), tf.maximum(texts, 0))
        once = tf.where(texts < 0, 0.0, weights * scale / tf.cast(times, tf.float32))  # [ngram]
        added = tf.reshape(tf.gather(once, place), tf.shape(found))  # [text, ngram]
        widths = [num_words + LONGEST - length for length in range(1, LONGEST + 1)]
        words = tf.zeros_like(added[:, :num_words])
        for length, of_length in enumerate(tf.split(added, widths, axis=1), start=1):
            for word in range(length):
                moved = tf.pad(of_length, [[0, 0], [word, 0]])  # from its first word to this one
                words += moved[:, :num_words] / length
        return words

    def pairs(self, numbers: tf.Tensor) -> tf.Tensor:
        """Give the known word pairs of each text and all that it has, counted: float32[text, 2]."""
        pairs = _hashes(numbers)[1]  # [text, pair]
        _, known = self._known(tf.cast(pairs, tf.int32))
        counts = [tf.reduce_sum(tf.cast(each, tf.float32), axis=1) for each in (known, pairs > 0)]
        return tf.stack(counts, axis=1)

    def _find(self, numbers: tf.Tensor) -> tf.Tensor:
        """Number each known n-gram of each text by both, int64[text, ngram]; what is not, by -1."""
        hashes = tf.cast(ngram_hashes(numbers), tf.int32)  # [text, ngram]
        places, known = self._known(hashes)  # [text, ngram] each
        first = (tf.range(tf.shape(hashes, tf.int64)[0]) * self._known.num_places)[:, None]
        return tf.where(known, first + tf.cast(places, tf.int64), -1)

    def _weigh(self, found: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Give the weight and the text of each number of `_find`; sums leave out the text -1."""
        places = tf.math.floormod(found, self._known.num_places)
        weights = tf.cast(tf.gather(self._weights(), places), tf.float32)
        return weights, tf.math.floordiv(found, self._known.num_places)


def _scale(texts: tf.Tensor, num_texts: tf.Tensor) -> tf.Tensor:
    """Give one over the root of how many n-grams each text has, float32[text]."""
    ones = tf.ones_like(texts, tf.float32)
    count = tf.math.unsorted_segment_sum(ones, texts, num_texts)
    return tf.math.rsqrt(tf.maximum(count, 1.0))


def frequent_ngrams(texts: Sequence[NDArray[np.int64]], least: int) -> NDArray[np.int32]:
    """Give the hashes of the n-grams that are in at least so many texts, in order.

    Each of `texts` is int64[word], numbers as `ngram_hashes` takes them.
    """
    hashes = np.concatenate([hashes for _, hashes in _distinct(texts)])
    known, counts = np.unique(hashes, return_counts=True)
    return known[counts >= least].astype(np.int32)


def present_ngrams(texts: Sequence[NDArray[np.int64]], known: NDArray[np.int32]) -> csr_matrix:
    """Say which of the known n-grams each text has: float32[text, ngram] of ones and zeros."""
    rows, columns = [], []
    for numbers, hashes in _distinct(texts):
        places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
        found = known[places] == hashes
        rows.append(numbers[found])
        columns.append(places[found])
    where = np.concatenate(rows), np.concatenate(columns)
    ones = np.ones(len(where[0]), np.float32)
    return csr_matrix((ones, where), shape=(len(texts), len(known)))


def log_count_ratios(present: csr_matrix, targets: NDArray[Any]) -> NDArray[np.float64]:
    """Give log(p(ngram | second class) / p(ngram | first class)), float[ngram].

    `targets`, float[text], are probabilities of the second class. Each n-gram counts once more in
    either class than it was seen.
    """
    second, first = 1 + present.T @ targets, 1 + present.T @ (1 - targets)
    ratios: NDArray[np.float64] = np.log(second / second.sum()) - np.log(first / first.sum())
    return ratios


def fit_ngrams(
    known: NDArray[np.int32],
    present: csr_matrix,
    targets: NDArray[Any],
    ratios: NDArray[np.float64],
    strength: float,
) -> Ngrams:
    """Fit logistic regression on the ratios of the n-grams in each text.

    `strength` is how far the weights may move from nothing: the inverse of what their squares cost.
    """
    num_present = np.diff(present.indptr)
    scale = np.repeat(np.sqrt(strength / np.maximum(num_present, 1)), num_present)
    scaled = present.copy()
    scaled.data = (ratios[present.indices] * scale).astype(np.float32)
    transposed = scaled.T.tocsr()

    def loss(point: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights, bias = point[:-1], point[-1]
        logits = scaled @ weights.astype(np.float32) + bias
        errors = (expit(logits) - targets).astype(np.float32)
        surprise = np.sum(np.logaddexp(0, logits) - targets * logits)
        gradient = np.append(transposed @ errors + weights, errors.sum())
        return float(surprise + weights @ weights / 2), gradient

    start = np.zeros(len(known) + 1)
    best = minimize(
        loss, start, jac=True, method="L-BFGS-B", options={"maxiter": MOST_STEPS, "maxcor": 8}
    ).x
    return Ngrams(known, best[:-1] * ratios * np.sqrt(strength), float(best[-1]))


def _distinct(
    texts: Sequence[NDArray[np.int64]],
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Give the text's place and the hash of every n-gram of every text once, some at a time."""
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[start : start + TEXTS_AT_ONCE]
        numbers = np.zeros((len(some), max(len(text) for text in some)), np.int64)
        for row, text in zip(numbers, some, strict=True):
            row[: len(text)] = text
        hashes = ngram_hashes(tf.constant(numbers)).numpy()  # [text, ngram]
        rows, columns = np.nonzero(hashes)
        pairs = np.unique(rows << 31 | hashes[rows, columns])
        yield (pairs >> 31) + start, pairs & PRIME
