"""Invented film reviews that are as long as real ones."""

import random

from tfgate.loadtest.users.quantiles import Quantiles, draw
from tfgate.loadtest.users.words import WORDS

# Words between white space, of the 50,000 labelled reviews of the Large Movie Review Dataset v1.0.
# Source: counted in https://ai.stanford.edu/~amaas/data/sentiment/
# fmt: off
NUM_WORDS: Quantiles = {
    0: 4, 1: 42, 5: 63, 10: 90, 25: 126, 50: 173, 75: 280, 90: 451, 95: 590, 99: 908, 99.9: 1010,
    100: 2470,
}
# fmt: on
PARAGRAPH_WORDS = 120  # most of those reviews have line breaks, as HTML


def review(source: random.Random) -> str:
    """Praise or complain at an ordinary length."""
    words = source.choices(WORDS, k=round(draw(NUM_WORDS, source)))
    paragraphs = [
        " ".join(words[start : start + PARAGRAPH_WORDS])
        for start in range(0, len(words), PARAGRAPH_WORDS)
    ]
    return "<br /><br />".join(paragraphs)
