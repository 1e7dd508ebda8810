"""The words of texts, and what their terms say, for a network; knows no data set.

A term is a word or a pair of neighbouring words.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold

from training.serving_graph import in_batches, stored_once, to_tensorflow
from training.texts.linear import Machines, fit_machines

TEXTS_AT_ONCE = 256
FOLDS = 4


def standardize(texts: tf.Tensor) -> tf.Tensor:
    """Give lower-case words and nothing between them but spaces, and a 0 for each number."""
    lower = tf.strings.lower(texts, encoding="utf-8")
    return tf.strings.regex_replace(
        tf.strings.regex_replace(lower, r"[^\p{L}\p{N}]+", " "), r"\p{N}+", "0"
    )


class TermScores(tf.Module):
    """What support vector machines answer, in a graph."""

    def __init__(self, machines: Machines) -> None:
        super().__init__()
        self.scale, self.bias = 1.0, 0.0  # of answers, to be logits
        self._count = keras.layers.TextVectorization(
            standardize=standardize,
            ngrams=2,
            output_mode="count",
            sparse=True,
            vocabulary=machines.terms,
        )
        # In the first place are all terms that are not known.
        self._rarities = stored_once(np.append(0, machines.rarities).astype(np.float32))
        self._weights = stored_once(np.pad(machines.weights, [[1, 0], [0, 0]]).astype(np.float16))
        self._biases = machines.biases.astype(np.float32)

    def __call__(self, texts: tf.Tensor) -> tf.Tensor:
        """Give logits float32[batch, label] for string[batch].

        A term counts more, the more often a text has it and the fewer texts do; all terms of a text
        make a vector of length 1.
        """
        num_texts = tf.shape(texts)[0]
        # One more, which has no words: counting fails where there are no texts at all.
        counts = self._count(tf.concat([texts, [""]], axis=0))
        text, term = tf.unstack(counts.indices, axis=1)  # [found] each
        times = tf.cast(counts.values, tf.float32)
        values = (1 + tf.math.log(times)) * tf.gather(self._rarities(), term)
        lengths = tf.sqrt(tf.math.unsorted_segment_sum(values**2, text, num_texts))  # [batch]
        shares = tf.math.divide_no_nan(values, tf.gather(lengths, text))
        weights = tf.cast(tf.gather(self._weights(), term), tf.float32)  # [found, label]
        weighed = tf.math.unsorted_segment_sum(shares[:, None] * weights, text, num_texts)
        return (weighed + self._biases) * self.scale + self.bias

    def answer_all(self, texts: NDArray[Any]) -> NDArray[np.float32]:
        """Answer object[text], a batch at a time: float32[text, label]."""
        inputs = {"text": texts}
        return in_batches(lambda some: {"": self(some["text"])}, inputs, len(texts))[""]


def fit_terms(
    texts: NDArray[Any], targets: NDArray[np.bool_], *, most: int | None = None, strength: float = 1
) -> tuple[TermScores, NDArray[np.float32]]:
    """Fit machines on object[text] and bool[text, label]; the options are `fit_machines`'s.

    Gives besides what is said of each of the texts by machines that never saw it, as float32[text,
    label]. From that it is learned how sure they may be. Sources: J. Platt, "Probabilistic Outputs
    for Support Vector Machines", 1999; D. Wolpert, "Stacked Generalization", 1992.
    """
    plain = np.array([text.decode() for text in standardize(_strings(texts)).numpy()], object)

    def fit(rows: NDArray[np.int64]) -> TermScores:
        machines = fit_machines(plain[rows].tolist(), targets[rows], most=most, strength=strength)
        return TermScores(machines)

    unseen = np.zeros(targets.shape, np.float32)
    for known, left_out in KFold(FOLDS, shuffle=True, random_state=0).split(texts):
        unseen[left_out] = fit(known).answer_all(texts[left_out])
    scores = fit(np.arange(len(texts)))
    sure = LogisticRegression().fit(unseen.reshape(-1, 1), targets.ravel())
    scores.scale, scores.bias = sure.coef_.item(), sure.intercept_.item()
    return scores, unseen * np.float32(scores.scale) + np.float32(scores.bias)


def _strings(texts: NDArray[Any]) -> tf.Tensor:
    return to_tensorflow({"": texts})[""]


class TextFeatures(tf.Module):
    """The words of a text in their order, and what its terms say of labels."""

    def __init__(self, words: keras.layers.TextVectorization, terms: TermScores) -> None:
        super().__init__()
        self._words, self._terms = words, terms
        self.words: list[str] = words.get_vocabulary()

    def __call__(self, inputs: Mapping[str, Any]) -> dict[str, tf.Tensor]:
        """Give words int64[batch, length], 0 after the last, and terms float32[batch, label]."""
        texts = inputs["text"]
        return {"words": self._words(texts), "terms": self._terms(texts)}


def fit_features(
    texts: NDArray[Any],
    targets: NDArray[np.bool_],
    *,
    num_words: int,
    num_terms: int,
    strength: float,
    length: int,
) -> tuple[TextFeatures, dict[str, tf.Tensor]]:
    """Fit on object[text] and bool[text, label]; `strength` is that of `fit_machines`.

    Of words and terms, the most frequent are kept; of a text, the first `length` words are read.
    Gives besides the features of the texts that a network is to learn from: what the machines know
    by heart of them would leave it nothing to learn.
    """
    words = keras.layers.TextVectorization(num_words, standardize, output_sequence_length=length)
    words.adapt(_strings(texts), batch_size=TEXTS_AT_ONCE)
    terms, unseen = fit_terms(texts, targets, most=num_terms, strength=strength)
    seen = {"words": words(_strings(texts)), "terms": tf.constant(unseen)}
    return TextFeatures(words, terms), seen
