"""N-grams that tell two classes apart get the weight, in numpy as in the graph."""

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.models.sentiment.ngrams import (
    NO_NGRAM,
    Ngrams,
    NgramScores,
    fit_ngrams,
    frequent_ngrams,
    log_count_ratios,
    ngram_hashes,
    present_ngrams,
)

Text = NDArray[np.int64]


def padded(*texts: Text) -> tf.Tensor:
    numbers = np.zeros((len(texts), max(map(len, texts))), np.int64)
    for row, text in zip(numbers, texts, strict=True):
        row[: len(text)] = text
    return tf.constant(numbers)


def made_texts(random: np.random.Generator) -> tuple[list[Text], NDArray[np.int64]]:
    """Give texts of 40 words; in those of the second class, word 1 is followed by word 2."""
    targets = random.integers(0, 2, 200)
    texts = []
    for target in targets:
        text = random.integers(3, 60, 40)
        place = random.integers(0, 38)
        text[place : place + 2] = (1, 2) if target else (2, 1)
        texts.append(text.astype(np.int64))
    return texts, targets


def test_a_text_of_n_words_has_so_many_words_pairs_and_triples() -> None:
    for length in (1, 2, 3, 10):
        hashes = ngram_hashes(padded(np.arange(1, length + 1), np.arange(1, 11))).numpy()[0]
        expected = length + max(0, length - 1) + max(0, length - 2)
        assert np.count_nonzero(hashes != NO_NGRAM) == expected
        assert len(set(hashes[hashes != NO_NGRAM])) == expected


def test_the_hash_knows_the_order_of_words_and_not_their_place() -> None:
    first, turned, later = (
        set(ngram_hashes(padded(np.array(text))).numpy()[0]) - {NO_NGRAM}
        for text in ([5, 6], [6, 5], [9, 5, 6])
    )
    assert first < later
    assert first != turned


def test_a_pair_that_only_one_class_has_decides_about_new_texts() -> None:
    random = np.random.default_rng(0)
    texts, targets = made_texts(random)
    known = frequent_ngrams(texts, least=2)
    present = present_ngrams(texts, known)
    ngrams = fit_ngrams(known, present, targets, log_count_ratios(present, targets), 500.0)
    new_texts, truth = made_texts(random)
    logits = ngrams.logits(present_ngrams(new_texts, known))
    assert ((logits > 0) == truth).mean() > 0.95


def test_the_graph_says_what_numpy_says_whatever_stands_beside_a_text() -> None:
    random = np.random.default_rng(1)
    texts, targets = made_texts(random)
    known = frequent_ngrams(texts, least=2)
    present = present_ngrams(texts, known)
    ngrams = fit_ngrams(known, present, targets, log_count_ratios(present, targets), 500.0)
    some = [texts[0], texts[1][:3], np.tile(texts[2], 3), np.array([999], np.int64)]
    expected = ngrams.logits(present_ngrams(some, known))
    found = NgramScores(ngrams)(padded(*some)).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-3)  # its weights are float16
    assert found[3] == np.float32(ngrams.bias)


def test_rare_ngrams_are_not_known() -> None:
    texts = [np.array([1, 2]), np.array([1, 3]), np.array([1, 1, 1])]
    known = frequent_ngrams(texts, least=2)
    assert known.tolist() == ngram_hashes(padded(np.array([1]))).numpy()[0].tolist()


def test_a_ratio_is_the_logarithm_of_shares_with_one_more_of_each() -> None:
    texts = [np.array([1, 2]), np.array([1])]
    known = frequent_ngrams([np.array([1]), np.array([2])], least=1)
    present = present_ngrams(texts, known)
    ratios = dict(zip(known.tolist(), log_count_ratios(present, np.array([1, 0])), strict=True))
    one, two = (ngram_hashes(padded(np.array([word]))).numpy()[0, 0] for word in (1, 2))
    np.testing.assert_allclose(ratios[one], np.log((2 / 4) / (2 / 3)))
    np.testing.assert_allclose(ratios[two], np.log((2 / 4) / (1 / 3)))


def test_no_texts_give_no_scores() -> None:
    ngrams = Ngrams(np.array([1], np.int32), np.ones(1), 0.0)
    assert NgramScores(ngrams)(tf.zeros([0, 1], tf.int64)).shape == (0,)
