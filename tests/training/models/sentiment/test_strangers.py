"""Strangers are texts of many kinds, as they would reach a version, the same ones each time."""

import numpy as np

from serving.models.sentiment import clean
from training.data.examples import Examples
from training.models.sentiment.strangers import NUM_TEXTS, strangers

REVIEWS = np.array([b"A warm and funny film with a good end.", b"Too long, and dull."], object)
TEST = Examples({"text": REVIEWS}, np.array([1, 0]))


def test_there_are_many_cleaned_texts_of_each_kind_the_same_each_time() -> None:
    kinds, again = strangers(TEST), strangers(TEST)
    assert {"German", "Russian", "programs", "product reviews"} < set(kinds)
    for kind, inputs in kinds.items():
        texts = inputs["text"].tolist()
        assert len(texts) == NUM_TEXTS
        assert all(text and clean(text.decode()).encode() == text for text in texts), kind
        assert texts == again[kind]["text"].tolist()


def test_each_kind_is_what_it_is_called() -> None:
    kinds = {kind: inputs["text"].tolist() for kind, inputs in strangers(TEST).items()}
    assert not any("{" in text.decode() for text in kinds["product reviews"])
    assert np.mean([b"kettle" in text for text in kinds["product reviews"]]) > 0.02
    assert all("и" in text.decode() for text in kinds["Russian"])
    assert any(b"def " in text for text in kinds["programs"])
    reviews = {tuple(sorted(review.split())) for review in REVIEWS.tolist()}
    shuffled = kinds["words of a review in another order"]
    assert {tuple(sorted(text.split())) for text in shuffled} == reviews
    assert not set(shuffled) <= set(REVIEWS.tolist())
