"""Short texts to learn from: a few sentences of a longer one, in a row."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_SENTENCES = 3
_BETWEEN_SENTENCES = re.compile(rb"(?<=[.!?]) ")


def crop(texts: NDArray[Any], seed: int = 0) -> NDArray[Any]:
    """Give one to three sentences of each of some texts, object[text] of bytes for the same."""
    random = np.random.default_rng(seed)
    return np.array([_some_sentences(text, random) for text in texts], dtype=object)


def _some_sentences(text: bytes, random: np.random.Generator) -> bytes:
    sentences = _BETWEEN_SENTENCES.split(text)
    number = min(int(random.integers(1, MOST_SENTENCES + 1)), len(sentences))
    first = int(random.integers(len(sentences) - number + 1))
    return b" ".join(sentences[first : first + number])
