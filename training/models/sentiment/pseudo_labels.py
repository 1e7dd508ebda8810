"""What an LSTM learns sentiment from: texts with true labels, or those of n-grams, and crops.

The n-grams are fitted on the labelled texts; the LSTM then learns what they say of texts that
nobody has labelled. Source of the idea: D. Lee, "Pseudo-Label: The Simple and Efficient
Semi-Supervised Learning Method for Deep Neural Networks", ICML workshops 2013.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import vstack
from scipy.special import expit
from typing_extensions import Doc

from training.data.examples import Examples, Splits
from training.models.sentiment.crops import crop
from training.models.sentiment.ngrams import (
    Ngrams,
    fit_ngrams,
    frequent_ngrams,
    log_count_ratios,
    present_ngrams,
)
from training.models.sentiment.word_vectors import word_vectors
from training.models.sentiment.words import (
    TextFeatures,
    leave_out_middle,
    most_frequent,
    number_texts,
    tokens_of,
)
from training.outputs.classification import fit_blend, fit_temperature
from training.recipe import AtLeastOne, Positive, Share

Texts = Sequence[NDArray[np.int64]]  # the numbers of the words of each


@dataclass(frozen=True)
class Counting:
    """What is done before the LSTM learns: words, n-grams, crops, word vectors."""

    num_words: Annotated[AtLeastOne, Doc("most frequent words, which get a token each")] = 20_000
    max_tokens: Annotated[AtLeastOne, Doc("of a text that is answered")] = 128
    max_training_tokens: Annotated[AtLeastOne, Doc("of a text that is learned from")] = 1_024
    ngram_texts: Annotated[AtLeastOne, Doc("that an n-gram must be in to count")] = 3
    ngram_strength: Annotated[Positive, Doc("how far weights of n-grams may move from 0")] = 500.0
    num_crops: Annotated[AtLeastOne, Doc("of each text that is learned from")] = 3
    crop_label: Annotated[
        Share, Doc("of the review's label in that of a crop; the rest is what n-grams say of it")
    ] = 0.7
    embedding_units: Annotated[AtLeastOne, Doc("of a word vector")] = 64


@dataclass(frozen=True)
class Taught:
    """What an LSTM begins with, and what it learns from.

    The features of a text; the words of the tokens, and their vectors, float32[token, unit]; texts,
    int32[token] each, and for each the probability of the second class, float32[text].
    """

    features: TextFeatures
    words: list[str]
    vectors: NDArray[np.float32]
    tokens: list[NDArray[np.int32]]
    targets: NDArray[np.float32]


@lru_cache(maxsize=1)  # it takes minutes, and is the same for every seed and most ablations
def teach(counting: Counting, splits: Splits) -> Taught:
    """Count the words, fit the n-grams, let them label what has no label, and learn word vectors.

    The texts are those of the training part, then the unlabelled ones that no part has, then
    crops of either.
    """
    texts = np.concatenate([splits.train.inputs["text"], _new_texts(splits)])
    num_labelled = len(splits.train)
    numbered = number_texts(texts)
    labelled, unlabelled = numbered.texts[:num_labelled], numbered.texts[num_labelled:]
    vocabulary = most_frequent(numbered.texts, counting.num_words)
    held_out = number_texts(splits.validation.inputs["text"]).texts
    ngrams, guesses = _fit_ngrams(counting, splits, labelled, unlabelled, held_out)
    labels = np.concatenate([splits.train.targets, guesses])
    cropped = np.concatenate([crop(texts, seed) for seed in range(counting.num_crops)])
    crops = number_texts(cropped).texts
    opinions = _opinions(ngrams, splits.validation, crops)
    of_whole = np.tile(labels, counting.num_crops)
    of_crops = counting.crop_label * of_whole + (1 - counting.crop_label) * opinions
    tokens = [
        leave_out_middle(tokens_of(numbers, vocabulary), counting.max_training_tokens)
        for numbers in (*numbered.texts, *crops)
    ]
    words = [
        "(padding)",
        "(unknown)",
        *(numbered.spelling[word].decode() for word in vocabulary),
    ]
    return Taught(
        TextFeatures(vocabulary, ngrams, counting.max_tokens, held_out),
        words,
        _learn_vectors(tokens[: len(texts)], len(words), counting.embedding_units),
        tokens,
        np.concatenate([labels, of_crops]).astype(np.float32),
    )


def _opinions(ngrams: Ngrams, validation: Examples, crops: Texts) -> NDArray[np.float64]:
    """Give the probability that the n-grams see in each crop, as often right as it says."""
    held_out = number_texts(crop(validation.inputs["text"])).texts

    def say(some: Texts) -> NDArray[np.float64]:
        return ngrams.logits(present_ngrams(some, ngrams.known))[:, None]

    [weight], bias = fit_blend(say(held_out), validation.targets)
    opinions: NDArray[np.float64] = expit(weight * say(crops)[:, 0] + bias)
    return opinions


def _new_texts(splits: Splits) -> NDArray[Any]:
    """Give the unlabelled texts that are in neither of the parts with labels."""
    known = {text for part in (splits.train, splits.validation) for text in part.inputs["text"]}
    texts = splits.unlabelled.get("text", ())
    return np.array([text for text in texts if text not in known], dtype=object)


def _fit_ngrams(
    counting: Counting, splits: Splits, labelled: Texts, unlabelled: Texts, held_out: Texts
) -> tuple[Ngrams, NDArray[np.float64]]:
    """Fit the n-grams, and give the probability that they see in each unlabelled text.

    How much an n-gram tells is counted twice: on the labelled texts, then also on the others with
    the labels that the first count gives them. What it weighs is fitted on true labels alone.
    """
    known = frequent_ngrams(labelled, counting.ngram_texts)
    present, present_held_out = present_ngrams(labelled, known), present_ngrams(held_out, known)
    targets = splits.train.targets

    def fit(ratios: NDArray[np.float64]) -> Ngrams:
        return fit_ngrams(known, present, targets, ratios, counting.ngram_strength)

    ngrams = fit(log_count_ratios(present, targets))
    if not unlabelled:
        return ngrams, np.empty(0)
    present_unlabelled = present_ngrams(unlabelled, known)

    def guess() -> NDArray[np.float64]:
        logits = np.pad(ngrams.logits(present_held_out)[:, None], [(0, 0), (1, 0)])
        temperature = fit_temperature(logits, splits.validation.targets)
        guesses: NDArray[np.float64] = expit(ngrams.logits(present_unlabelled) / temperature)
        return guesses

    everything = vstack([present, present_unlabelled], format="csr")
    ngrams = fit(log_count_ratios(everything, np.concatenate([targets, guess()])))
    return ngrams, guess()


def _learn_vectors(
    tokens: Sequence[NDArray[np.int32]], num_tokens: int, units: int
) -> NDArray[np.float32]:
    texts = np.repeat(np.arange(len(tokens)), [len(text) for text in tokens])
    return word_vectors(np.concatenate(tokens), texts, num_tokens=num_tokens, units=units)
