"""A text is told from others by the share of its word pairs that is known; few prove little."""

import numpy as np
import tensorflow as tf

from training.models.sentiment.likeness import Likeness
from training.models.sentiment.ngrams import Ngrams, NgramScores, frequent_ngrams
from training.models.sentiment.words import number_texts

RANDOM = np.random.default_rng(0)
ALL_PAIRS = RANDOM.integers(50, 300, 200)
HELD_OUT = np.stack([RANDOM.binomial(ALL_PAIRS, 0.7), ALL_PAIRS], axis=1).astype(np.float32)


def familiarity(known: int, all_pairs: int) -> float:
    pairs = tf.constant([[known, all_pairs]], tf.float32)
    return float(Likeness(HELD_OUT)(pairs)[0])


def test_the_fewer_pairs_are_known_the_stranger() -> None:
    found = [familiarity(known, 200) for known in (0, 100, 130, 140, 200)]
    assert found == sorted(found)
    assert found[1] < 0.05 < found[3] < found[4] <= 1


def test_one_unknown_pair_of_one_is_no_proof_and_thirty_are() -> None:
    assert familiarity(0, 0) > 0.3
    assert familiarity(0, 1) > familiarity(0, 30)
    assert familiarity(0, 30) < 0.05


def test_of_ordinary_texts_as_many_are_unfamiliar_as_is_said() -> None:
    all_pairs = RANDOM.integers(50, 300, 2_000)
    pairs = np.stack([RANDOM.binomial(all_pairs, 0.7), all_pairs], axis=1).astype(np.float32)
    share = np.mean(Likeness(HELD_OUT)(tf.constant(pairs)).numpy() < 0.05)
    assert 0.01 < share < 0.1


def test_pairs_are_counted_of_each_text_and_not_of_its_padding() -> None:
    texts = np.array([b"a good film", b"a good dog is a good dog", b"film", b""], object)
    numbers = number_texts(texts).texts
    known = frequent_ngrams(numbers[:1], 1)
    scores = NgramScores(Ngrams(known, np.zeros(len(known)), 0.0))
    table = np.zeros((4, 7), np.int64)
    for row, text in zip(table, numbers, strict=True):
        row[: len(text)] = text
    assert scores.pairs(tf.constant(table)).numpy().tolist() == [[2, 2], [2, 6], [0, 0], [0, 0]]
