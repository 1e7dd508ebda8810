"""The words of texts, and their terms, for a network; knows no data set and no label.

A term is a word or a pair of neighbouring words.
"""

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf
from numpy.typing import NDArray

from training.serving_graph import to_tensorflow

TEXTS_AT_ONCE = 256
TERM_LENGTH = 10.0  # of the vector of a text's terms, so that their weights need not grow large


def standardize(texts: tf.Tensor) -> tf.Tensor:
    """Give lower-case words and nothing between them but spaces, and a 0 for each number."""
    lower = tf.strings.lower(texts, encoding="utf-8")
    return tf.strings.regex_replace(
        tf.strings.regex_replace(lower, r"[^\p{L}\p{N}]+", " "), r"\p{N}+", "0"
    )


class TextFeatures(tf.Module):
    """The words of a text in their order, and how much it has of each term."""

    def __init__(self, texts: NDArray[Any], *, num_words: int, num_terms: int, length: int) -> None:
        """Count those of object[text], keep the most frequent; of a text, read the beginning."""
        super().__init__()
        vectorize = keras.layers.TextVectorization
        self._words = vectorize(num_words, standardize, output_sequence_length=length)
        self._terms = vectorize(num_terms, standardize, ngrams=2, output_mode="tf_idf")
        for layer in (self._words, self._terms):
            layer.adapt(to_tensorflow({"": texts})[""], batch_size=TEXTS_AT_ONCE)
        self.words: list[str] = self._words.get_vocabulary()
        self.num_terms: int = self._terms.vocabulary_size()

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Give words int64[batch, length], 0 after the last, and terms float32[batch, term].

        A term counts more, the more often a text has it and the fewer texts do; of each text, all
        make a vector of the length `TERM_LENGTH`.
        """
        texts = inputs["text"]
        terms = tf.math.l2_normalize(tf.math.log1p(self._terms(texts)), axis=1)
        return {"words": self._words(texts), "terms": TERM_LENGTH * terms}
