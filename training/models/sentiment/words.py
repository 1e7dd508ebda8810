"""What a text's words are, and the numbers that networks know them by; knows no network.

A word's number is its hash, so that both branches of a network find it without a table of strings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.models.sentiment.lookup import Lookup
from training.models.sentiment.ngrams import PRIME, Ngrams, NgramScores

# Tokens that no word has.
PADDING = 0
UNKNOWN = 1
FIRST_WORD = 2

HEAD_SHARE = 0.4  # of what is kept of a long text: reviewers give their verdict at the end

TEXTS_AT_ONCE = 2_000


def split_words(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Split string[text] into words: lower case, `!` and `?` as words, apostrophes only inside.

    Gives the words of all texts, string[word], where they stand, int64[word, 2], and the shape of
    the table that they fill, int64[2]: texts and words of the longest.
    """
    lower = tf.strings.lower(texts, encoding="utf-8")
    no_marks = tf.strings.regex_replace(lower, r"[^\p{L}\p{N}'!?]+", " ")
    no_quotes = tf.strings.regex_replace(no_marks, r"'+( |$)|(^| )'+", " ")
    spaced = tf.strings.regex_replace(no_quotes, r"([!?])", r" \1 ")
    split = tf.raw_ops.StringSplitV2(input=spaced, sep="")
    return split.values, split.indices, split.shape


def number_words(words: tf.Tensor) -> tf.Tensor:
    """Give the number of each word, int64, from 1 to PRIME - 1."""
    return tf.strings.to_hash_bucket_fast(words, PRIME - 1) + 1


@dataclass(frozen=True)
class Numbered:
    """The words of many texts: their numbers, int64[word] a text, and how each is spelt."""

    texts: list[NDArray[np.int64]]
    spelling: dict[int, bytes]


def number_texts(texts: NDArray[Any]) -> Numbered:
    """Split object[text] of bytes into words, and number these."""
    numbered = Numbered([], {})
    for start in range(0, len(texts), TEXTS_AT_ONCE):
        some = texts[start : start + TEXTS_AT_ONCE]
        words, places, _shape = split_words(tf.constant(some, tf.string))
        numbers = number_words(words).numpy()
        ends = np.cumsum(np.bincount(places[:, 0], minlength=len(some)))
        numbered.texts.extend(np.split(numbers, ends[:-1]))
        distinct, first = np.unique(numbers, return_index=True)
        numbered.spelling.update(
            zip(distinct.tolist(), tf.gather(words, first).numpy(), strict=True)
        )
    return numbered


def most_frequent(texts: Sequence[NDArray[np.int64]], num_words: int) -> NDArray[np.int32]:
    """Give the numbers that occur most often, in the order of the numbers."""
    numbers, counts = np.unique(np.concatenate(texts), return_counts=True)
    by_count = np.lexsort((numbers, -counts))
    return np.sort(numbers[by_count[:num_words]]).astype(np.int32)


def tokens_of(numbers: NDArray[np.int64], vocabulary: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give the tokens of a text's words: places in the vocabulary, or `UNKNOWN`."""
    places = np.minimum(np.searchsorted(vocabulary, numbers), len(vocabulary) - 1)
    tokens: NDArray[np.int32] = np.where(
        vocabulary[places] == numbers, places + FIRST_WORD, UNKNOWN
    ).astype(np.int32)
    return tokens


def leave_out_middle(tokens: NDArray[np.int32], most: int) -> NDArray[np.int32]:
    """Give the beginning and the end of a text that has more than so many tokens."""
    if len(tokens) <= most:
        return tokens
    head = int(most * HEAD_SHARE)
    return np.concatenate([tokens[:head], tokens[len(tokens) - most + head :]])


class TextFeatures(tf.Module):
    """Tokens of a text's words, and what its n-grams say."""

    def __init__(self, vocabulary: NDArray[np.int32], ngrams: Ngrams, max_tokens: int) -> None:
        super().__init__()
        self._vocabulary = Lookup(vocabulary)
        self._ngram_scores = NgramScores(ngrams)
        self._most = max_tokens

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Give tokens int32[batch, time], padded on the right, and ngrams float32[batch]."""
        words, places, shape = split_words(inputs["text"])  # [word], [word, 2], [2]
        # At least one step, also where there is no word: some kernels refuse none.
        shape = tf.maximum(shape, [0, 1])

        def table(values: tf.Tensor, padding: int) -> tf.Tensor:
            padding = tf.constant(padding, values.dtype)
            return tf.raw_ops.SparseToDense(
                sparse_indices=places,
                output_shape=shape,
                sparse_values=values,
                default_value=padding,
            )

        numbers = number_words(words)  # [word]
        tokens = table(self._tokens(numbers), PADDING)  # [batch, longest]
        tokens = self._leave_out_middle(tokens)  # [batch, time]
        return {"tokens": tokens, "ngrams": self._ngram_scores(table(numbers, 0))}

    def _tokens(self, numbers: tf.Tensor) -> tf.Tensor:
        places, known = self._vocabulary(tf.cast(numbers, tf.int32))
        return tf.where(known, places + FIRST_WORD, UNKNOWN)

    def _leave_out_middle(self, tokens: tf.Tensor) -> tf.Tensor:
        """Do as the function of that name, for all texts of the batch at once."""
        lengths = tf.reduce_sum(tf.cast(tokens != PADDING, tf.int32), axis=1, keepdims=True)
        steps = tf.range(tf.minimum(tf.shape(tokens)[1], self._most))  # [time]
        left_out = tf.maximum(lengths - self._most, 0)  # [batch, 1]
        in_tail = tf.cast(steps >= int(self._most * HEAD_SHARE), tf.int32)  # [time]
        kept = steps + left_out * in_tail  # [batch, time]
        return tf.gather(tokens, kept, axis=1, batch_dims=1)
