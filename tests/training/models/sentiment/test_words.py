"""How texts are taken apart, and become tokens: the same while training and in the graph."""

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from serving.models.sentiment import clean
from training.models.sentiment.ngrams import Ngrams
from training.models.sentiment.words import (
    FIRST_WORD,
    PADDING,
    UNKNOWN,
    TextFeatures,
    leave_out_middle,
    most_frequent,
    number_texts,
    number_words,
    split_words,
    tokens_of,
)

TEXTS = [
    ("I LOVED it", ["i", "loved", "it"]),
    ("Don't go!", ["don't", "go", "!"]),
    ("what?! no.", ["what", "?", "!", "no"]),
    ("the 'best' film's end, 10/10", ["the", "best", "film's", "end", "10", "10"]),
    ("ÉMOUVANT — schön", ["émouvant", "schön"]),
    ("... *** ---", []),
    ("Great film:) :-D, I <3 it", ["great", "film", ":)", ":-d", "i", "<3", "it"]),
    ("so sad :'( (see: p. 3)", ["so", "sad", ":'(", "see", "p", "3"]),
    ("http://a.example/:dark 3:1", ["http", "a", "example", "dark", "3", "1"]),
    ("it 'is'! 'great'?", ["it", "is", "!", "great", "?"]),
    ("wow👍🏽👍 ❤ 🦖!", ["wow", "👍", "👍", "❤", "🦖", "!"]),
]
SOME_TEXTS = [np.array([1, 2])]
NO_NGRAMS = Ngrams(np.array([7], np.int32), np.zeros(1), bias=0.25)


def vocabulary(*words: str) -> NDArray[np.int32]:
    return np.sort(number_words(tf.constant(words)).numpy()).astype(np.int32)


def token(word: str, known: NDArray[np.int32]) -> int:
    return FIRST_WORD + int(np.searchsorted(known, number_words(tf.constant([word])).numpy()[0]))


@pytest.mark.parametrize(("text", "words"), TEXTS)
def test_words_are_found(text: str, words: list[str]) -> None:
    found, _places, shape = split_words(tf.constant([text]))
    assert [word.decode() for word in found.numpy()] == words
    assert shape.numpy().tolist() == [1, len(words)]


def test_quotes_of_word_processors_are_plain_ones() -> None:
    typed = clean("“It\u2019s \u2018fine\u2019”, said „she“ «twice»")
    found, _places, _shape = split_words(tf.constant([typed]))
    assert [word.decode() for word in found.numpy()] == ["it's", "fine", "said", "she", "twice"]


def test_emoji_have_the_number_of_the_word_that_they_are_read_as() -> None:
    thumbs, smiles, plain, unlisted, other = number_words(
        tf.constant(
            [["👍", "👏"], [":-)", "😊"], ["excellent", "enjoyed"], ["🦖", "🦕"], ["a", "b"]]
        )
    ).numpy()
    assert thumbs.tolist() == [plain[0]] * 2
    assert smiles.tolist() == [plain[1]] * 2
    assert len({*unlisted, *other, *plain}) == 6


def test_every_text_has_its_own_numbers_and_every_number_a_spelling() -> None:
    without_signs = TEXTS[:6]
    numbered = number_texts(np.array([text.encode() for text, _ in without_signs], dtype=object))
    spelt = [[numbered.spelling[number].decode() for number in text] for text in numbered.texts]
    assert spelt == [words for _, words in without_signs]


def test_the_vocabulary_is_what_occurs_most_often() -> None:
    texts = number_texts(np.array([b"b b a", b"c b a d"], dtype=object)).texts
    assert most_frequent(texts, 2).tolist() == vocabulary("a", "b").tolist()


def test_texts_become_tokens_padded_to_the_longest() -> None:
    known = vocabulary("good", "film")
    features = TextFeatures(known, NO_NGRAMS, max_tokens=8, held_out=SOME_TEXTS)
    outputs = features({"text": tf.constant(["good film", "unseen", "..."])})
    good, film = token("good", known), token("film", known)
    expected = [[good, film], [UNKNOWN, PADDING], [PADDING, PADDING]]
    assert outputs["tokens"].numpy().tolist() == expected
    assert outputs["ngrams"].numpy().tolist() == [0.25] * 3


def test_a_batch_without_words_or_rows_still_has_one_step() -> None:
    features = TextFeatures(vocabulary("good"), NO_NGRAMS, max_tokens=8, held_out=SOME_TEXTS)
    assert features({"text": tf.constant(["", "..."])})["tokens"].shape == (2, 1)
    assert features({"text": tf.constant([], tf.string)})["tokens"].shape == (0, 1)


@pytest.mark.parametrize("length", [1, 4, 5, 6, 20])
def test_the_graph_finds_the_tokens_that_training_saw(length: int) -> None:
    words = [f"w{number}" for number in range(20)]
    known = vocabulary(*words[::2])
    text = " ".join(words[:length])
    numbers = number_texts(np.array([text.encode()], dtype=object)).texts[0]
    expected = leave_out_middle(tokens_of(numbers, known), 5)
    features = TextFeatures(known, NO_NGRAMS, max_tokens=5, held_out=SOME_TEXTS)
    # The longer neighbour pads the text, and must not change what is left out of it.
    tokens = features({"text": tf.constant([text, " ".join(words * 2)])})["tokens"].numpy()[0]
    assert tokens[: len(expected)].tolist() == expected.tolist()
    assert (tokens[len(expected) :] == PADDING).all()


def test_of_a_long_text_the_beginning_and_the_longer_end_are_kept() -> None:
    assert leave_out_middle(np.arange(20, dtype=np.int32), 5).tolist() == [0, 1, 17, 18, 19]
