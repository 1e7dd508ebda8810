"""Where in a text its words stand: in characters of the text that `split_words` took."""

import tensorflow as tf

from training.models.sentiment.emoji import EMOTICON_OF_2, EMOTICON_OF_3, PICTOGRAPH


def characters(texts: tf.Tensor, words: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Give the first character of each word and the one after its last, int32[word] each.

    `texts` is string[text] and `words` string[word], all that are in them, one after the other.
    Of a word of nothing but apostrophes, which the text may have several of, both are 0.
    """
    texts, words = _spelt(texts), _spelt(words)
    split = tf.strings.unicode_split(texts, "UTF-8")  # [text, (character)]
    place = tf.cast(tf.ragged.range(split.row_lengths()).flat_values, tf.int32)  # [character]
    # Each is in a word: words are made of these, and of apostrophes, of which some are in none.
    # Of "İ" the lower case has two, of which the second is a mark.
    lower = tf.strings.lower(split.flat_values, encoding="utf-8")
    is_in_word = tf.strings.regex_full_match(lower, rf"([\p{{L}}\p{{N}}!?]|{PICTOGRAPH}).*")
    place = tf.concat([tf.boolean_mask(place, is_in_word), [0]], axis=0)  # one, if there is none
    without = tf.strings.regex_replace(words, "'", "")
    letters = _length(without)  # [word]
    ends = tf.cumsum(letters)
    before = _length(words) - _length(tf.strings.regex_replace(words, "^'+", ""))
    after = _length(words) - _length(tf.strings.regex_replace(words, "'+$", ""))
    first = tf.gather(place, ends - letters) - before
    last = tf.gather(place, tf.maximum(ends - 1, 0)) + after
    has_letters = tf.cast(letters > 0, tf.int32)
    return first * has_letters, (last + 1) * has_letters


def _spelt(texts: tf.Tensor) -> tf.Tensor:
    """Give as many letters in the place of each emoticon, so that all of it is in a word.

    They are none of ASCII, which would run into an emoticon before them that ends in a letter.
    """
    # First two signs whose lower case is a letter of ASCII: no emoticon ends before one.
    for found, letters in (
        ("\u0130", "i"),
        ("\u212a", "k"),
        (EMOTICON_OF_3, "äää"),
        (EMOTICON_OF_2, "ää"),
    ):
        texts = tf.strings.regex_replace(texts, found, letters)
    return texts


def _length(words: tf.Tensor) -> tf.Tensor:
    return tf.strings.length(words, unit="UTF8_CHAR")
