"""Texts told from each other by their length, and by how often they say no."""

import re

import numpy as np

from training.data.examples import Examples
from training.outputs.slices import Parts, fifths

NEGATION = re.compile(r"\b(?:not?|never|none|nothing|nobody|nor|cannot|without)\b|n['\u2019]t\b")


def slices(examples: Examples) -> Parts:
    """Give fifths by the words of a text, and by the negations among a hundred of them."""
    texts = [text.decode().lower() for text in examples.inputs["text"]]
    words = np.array([max(len(text.split()), 1) for text in texts])
    negations = np.array([len(NEGATION.findall(text)) for text in texts])
    return {"words": fifths(words), "negations in 100 words": fifths(100 * negations / words)}
