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
    """Give the hash of each n-gram, int64[text, ngram], or `NO_NGRAM`.

    `numbers` is int64[text, word], from 1 to PRIME - 1, with zeros on the right of short texts.
    """
    ending = numbers * FACTOR % PRIME  # the n-gram that ends at each word; first, the word itself
    hashes = [ending]  # [text, word] each, one word less each time
    for longer in range(1, LONGEST):
        last = numbers[:, longer:]  # [text, word - longer]
        ending = (ending[:, :-1] + last) % PRIME * FACTOR % PRIME
        hashes.append(tf.where(last > 0, ending, NO_NGRAM))
    return tf.concat(hashes, axis=1)  # [text, ngram]


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
        self._bias = ngrams.bias

    def __call__(self, numbers: tf.Tensor) -> tf.Tensor:
        """Give the logit of the second class, float32[text], for `numbers` as `ngram_hashes`."""
        hashes = tf.cast(ngram_hashes(numbers), tf.int32)  # [text, ngram]
        places, known = self._known(hashes)  # [text, ngram] each
        size, num_texts = self._known.num_places, tf.shape(hashes, tf.int64)[0]
        # What is not known gets the text number -1, which the sums leave out.
        first = (tf.range(num_texts) * size)[:, None]  # [text, 1]
        pairs = tf.where(known, first + tf.cast(places, tf.int64), -1)
        pairs = tf.unique(tf.reshape(pairs, [-1])).y  # [pair]
        texts = tf.math.floordiv(pairs, size)
        weights = tf.cast(tf.gather(self._weights(), tf.math.floormod(pairs, size)), tf.float32)
        total = tf.math.unsorted_segment_sum(weights, texts, num_texts)  # [text]
        count = tf.math.unsorted_segment_sum(tf.ones_like(weights), texts, num_texts)
        return total * tf.math.rsqrt(tf.maximum(count, 1.0)) + self._bias


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
