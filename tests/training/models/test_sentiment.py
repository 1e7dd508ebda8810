"""How the sentiment model takes texts apart."""

import numpy as np
import pytest
import tensorflow as tf

from training.models.sentiment import Tokens, most_frequent_words, split_words

TEXTS = [
    ("I LOVED it", ["i", "loved", "it"]),
    ("Don't go!", ["don't", "go", "!"]),
    ("what?! no.", ["what", "?", "!", "no"]),
    ("the 'best' film's end, 10/10", ["the", "best", "film's", "end", "10", "10"]),
    ("ÉMOUVANT — schön", ["émouvant", "schön"]),
    ("... *** ---", []),
]


@pytest.mark.parametrize(("text", "words"), TEXTS)
def test_words_are_found(text: str, words: list[str]) -> None:
    found = split_words(tf.constant([text]))[0].numpy()
    assert [word.decode() for word in found] == words


def test_the_vocabulary_is_ordered_by_frequency_then_alphabet() -> None:
    texts = tf.constant(["b b a", "c b a d"])
    assert most_frequent_words(texts, 3) == [b"b", b"a", b"c"]


def test_texts_become_numbers_padded_to_the_longest() -> None:
    tokens = Tokens([b"good", b"film"], max_tokens=8)
    numbers = tokens({"text": tf.constant(["good film", "unseen", "..."])})
    assert numbers.numpy().tolist() == [[2, 3], [1, 0], [0, 0]]


def test_a_batch_without_words_or_rows_still_has_one_step() -> None:
    tokens = Tokens([b"good"], max_tokens=8)
    assert tokens({"text": tf.constant(["", "..."])}).shape == (2, 1)
    assert tokens({"text": tf.constant([], tf.string)}).shape == (0, 1)


def test_the_middle_of_a_long_text_is_left_out() -> None:
    words = [str(number).encode() for number in range(20)]
    tokens = Tokens(words, max_tokens=6)
    text = b" ".join(words)
    numbers = tokens({"text": tf.constant([text, b"0 1 2 3"])}).numpy() - 2
    assert numbers[0].tolist() == [0, 1, 2, 17, 18, 19]
    np.testing.assert_array_equal(numbers[1][:4], [0, 1, 2, 3])
