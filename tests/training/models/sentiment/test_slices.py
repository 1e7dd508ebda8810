"""Texts are told from each other by their length and their negations."""

import numpy as np

from training.data.examples import Examples
from training.models.sentiment.slices import slices

TEXTS = (
    "Good.",
    "Not good.",
    "It isn't good, it isn\u2019t bad.",
    "Nothing here is never dull, and nobody knows why.",
    "A note on knots and nothingness: all of it is as fine as can be, and then some.",
)


def test_words_and_negations_are_counted() -> None:
    texts = np.array([text.encode() for text in TEXTS], object)
    parts = slices(Examples({"text": texts}, np.zeros(len(TEXTS), np.int64)))
    assert list(parts["words"]) == [
        "up to 1",
        "above 1 to 2",
        "above 2 to 6",
        "above 6 to 9",
        "above 9",
    ]
    # None in the first and the last, 2 of 6, 3 of 9, 1 of 2.
    assert {
        name: np.flatnonzero(rows).tolist()
        for name, rows in parts["negations in 100 words"].items()
    } == {
        "up to 0": [0, 4],
        "above 0 to 33.33": [2, 3],
        "above 33.33": [1],
    }
