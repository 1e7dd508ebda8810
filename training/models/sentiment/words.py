"""What a text's words are, and the numbers that networks know them by; knows no network.

A word's number is its hash, so that both branches of a network find it without a table of strings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serving.familiarity import FAMILIARITY
from training.models.sentiment.emoji import MARKED, READ_AS
from training.models.sentiment.likeness import Likeness
from training.models.sentiment.lookup import Lookup
from training.models.sentiment.ngrams import PRIME, Ngrams, NgramScores

# Tokens that no word has.
PADDING = 0
UNKNOWN = 1
FIRST_WORD = 2

NUM_WORDS = "num_words"
NETWORK_INPUTS = ("tokens", "ngrams")  # of what is seen of a text, what a network takes

HEAD_SHARE = 0.4  # of what is kept of a long text: reviewers give their verdict at the end

TEXTS_AT_ONCE = 2_000


def split_words(texts: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Split string[text] into words: lower case, apostrophes only inside.

    `!`, `?`, emoji and emoticons are words. Gives the words of all texts, string[word], where they
    stand, int64[word, 2], and the shape of the table that they fill, int64[2]: texts and words of
    the longest.
    """
    lower = tf.strings.lower(texts, encoding="utf-8")
    # What is neither kept nor a space becomes one.
    spaced = tf.strings.regex_replace(lower, rf"({MARKED})|[^\p{{L}}\p{{N}}' ]", r" \1 ")
    no_quotes = tf.strings.regex_replace(spaced, r"'+( |$)|(^| )'+", " ")
    split = tf.raw_ops.StringSplitV2(input=no_quotes, sep="")
    return split.values, split.indices, split.shape


def table(values: tf.Tensor, places: tf.Tensor, shape: tf.Tensor, padding: Any) -> tf.Tensor:
    """Put what each word has where it stands, by `split_words`; at least one column, of padding.

    Some kernels refuse no step at all, also where there is no word.
    """
    return tf.raw_ops.SparseToDense(
        sparse_indices=places,
        output_shape=tf.maximum(shape, [0, 1]),
        sparse_values=values,
        default_value=tf.constant(padding, values.dtype),
    )


def number_words(words: tf.Tensor) -> tf.Tensor:
    """Give the number of each word, int64, from 1 to PRIME - 1: of emoji, of what they say."""
    numbers = _hash(words)
    emoji, said = _emoji()
    places, known = emoji(tf.cast(numbers, tf.int32))
    return tf.where(known, tf.gather(said, places), numbers)


def _hash(words: tf.Tensor) -> tf.Tensor:
    return tf.strings.to_hash_bucket_fast(words, PRIME - 1) + 1


@cache
def _emoji() -> tuple[Lookup, tf.Tensor]:
    """Give the hashes of emoji and emoticons, and int64 of the word that each is read as.

    The last word is that of none. Both are made once, so that all signatures share them.
    """
    pairs = [(sign, word) for word, signs in READ_AS.items() for sign in signs.split()]
    with tf.init_scope():
        signs, words = (_hash(tf.constant(each)).numpy() for each in zip(*pairs, strict=True))
        order = np.argsort(signs)
        return Lookup(signs[order].astype(np.int32)), tf.constant(np.append(words[order], 0))


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


class Seen(NamedTuple):
    """What is seen of a batch of texts, padded on the right with 0, `PADDING`, and places of words.

    The numbers of all words, int64[batch, longest], and of those that are kept the tokens,
    int32[batch, time], with their places among all words, int32[batch, time].
    """

    numbers: tf.Tensor
    tokens: tf.Tensor
    places: tf.Tensor


class TextFeatures(tf.Module):
    """Tokens of a text's words, what its n-grams say, and how familiar its word pairs are."""

    def __init__(
        self,
        vocabulary: NDArray[np.int32],
        ngrams: Ngrams,
        max_tokens: int,
        held_out: Sequence[NDArray[np.int64]],
    ) -> None:
        """Take, besides, the numbers of the words of texts that nothing was fitted on."""
        super().__init__()
        self._vocabulary = Lookup(vocabulary)
        self.ngram_scores = NgramScores(ngrams)
        self.max_tokens = max_tokens
        pairs = [self.ngram_scores.pairs(numbers[None]) for numbers in held_out]
        self._likeness = Likeness(np.concatenate(pairs))

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Give tokens int32[batch, time], and the rest, float32[batch] each.

        These are what the n-grams say, the number of words, and the familiarity.
        """
        seen = self.see(inputs["text"])
        return {
            "tokens": seen.tokens,
            "ngrams": self.ngram_scores(seen.numbers),
            NUM_WORDS: tf.reduce_sum(tf.cast(seen.numbers > 0, tf.float32), axis=1),
            FAMILIARITY: self._likeness(self.ngram_scores.pairs(seen.numbers)),
        }

    def see(self, texts: tf.Tensor) -> Seen:
        """Split string[batch] into words, number these, and leave out what is too much."""
        words, places, shape = split_words(texts)  # [word], [word, 2], [2]
        numbers = number_words(words)  # [word]
        tokens = table(self._tokens(numbers), places, shape, PADDING)  # [batch, longest]
        kept = self._kept(tokens)  # [batch, time]
        tokens = tf.gather(tokens, kept, axis=1, batch_dims=1)  # [batch, time]
        return Seen(table(numbers, places, shape, 0), tokens, kept)

    def _tokens(self, numbers: tf.Tensor) -> tf.Tensor:
        places, known = self._vocabulary(tf.cast(numbers, tf.int32))
        return tf.where(known, places + FIRST_WORD, UNKNOWN)

    def _kept(self, tokens: tf.Tensor) -> tf.Tensor:
        """Choose as the function `leave_out_middle` does, for all texts of the batch at once."""
        lengths = tf.reduce_sum(tf.cast(tokens != PADDING, tf.int32), axis=1, keepdims=True)
        steps = tf.range(tf.minimum(tf.shape(tokens)[1], self.max_tokens))  # [time]
        left_out = tf.maximum(lengths - self.max_tokens, 0)  # [batch, 1]
        in_tail = tf.cast(steps >= int(self.max_tokens * HEAD_SHARE), tf.int32)  # [time]
        return steps + left_out * in_tail  # [batch, time]
