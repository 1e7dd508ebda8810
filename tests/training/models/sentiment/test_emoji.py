"""The list of emoji and emoticons, and the words that they are read as."""

import tensorflow as tf

from serving.models.sentiment import clean
from training.models.sentiment.emoji import READ_AS
from training.models.sentiment.words import split_words

SIGNS = [sign for signs in READ_AS.values() for sign in signs.split()]


def words_of(text: str) -> list[str]:
    return [word.decode() for word in split_words(tf.constant([text]))[0].numpy()]


def test_every_sign_is_listed_once_and_is_one_word_of_what_is_sent() -> None:
    assert len(set(SIGNS)) == len(SIGNS)
    for sign in SIGNS:
        assert words_of(clean(f"so{sign} yes")) == ["so", sign, "yes"]


def test_what_they_are_read_as_are_words() -> None:
    assert all(words_of(word) == [word] for word in READ_AS)
