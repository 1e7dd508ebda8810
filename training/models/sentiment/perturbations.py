"""Texts as people send them: mistyped, shouted, short."""

from collections.abc import Callable
from dataclasses import replace
from string import ascii_lowercase

import numpy as np

from training.data.examples import Examples

MISTYPED_SHARE = 0.1  # of the words
LENGTHS = (5, 20, 100, 500)  # words


def perturb(examples: Examples) -> dict[str, Examples]:
    """Give the same examples with other texts, by what was done to these.

    A text of `n` words is the beginning of a text that has at least as many; what has fewer is left
    out.
    """
    random = np.random.default_rng(0)
    changed = {
        f"a typing error in {MISTYPED_SHARE:.0%} of the words": _with_texts(
            examples, lambda text: mistype(text, random)
        ),
        "upper case": _with_texts(examples, str.upper),
    }
    cut = {
        f"the first {length} words, of texts that have as many": _cut(examples, length)
        for length in LENGTHS
    }
    return changed | {name: examples for name, examples in cut.items() if len(examples)}


def mistype(text: str, random: np.random.Generator) -> str:
    """Swap, drop, double or replace a letter in some of the words."""
    words = text.split(" ")
    for index in np.flatnonzero(random.random(len(words)) < MISTYPED_SHARE):
        words[index] = _mistype_word(words[index], random)
    return " ".join(words)


def _mistype_word(word: str, random: np.random.Generator) -> str:
    if len(word) < 2:
        return word
    place = int(random.integers(len(word) - 1))
    before, first, second, after = word[:place], word[place], word[place + 1], word[place + 2 :]
    slips = (
        second + first,
        second,
        first + first + second,
        random.choice(list(ascii_lowercase)) + second,
    )
    return before + slips[random.integers(len(slips))] + after


def _cut(examples: Examples, length: int) -> Examples:
    num_words = np.array([len(text.split()) for text in examples.inputs["text"]])
    long_enough = examples.take(np.flatnonzero(num_words >= length))
    return _with_texts(long_enough, lambda text: " ".join(text.split()[:length]))


def _with_texts(examples: Examples, change: Callable[[str], str]) -> Examples:
    texts = [change(text.decode()).encode() for text in examples.inputs["text"]]
    return replace(examples, inputs={"text": np.array(texts, dtype=object)})
