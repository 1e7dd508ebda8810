"""Short texts to learn from are sentences of the longer ones."""

import numpy as np

from training.models.sentiment.crops import MOST_SENTENCES, crop

SENTENCES = [f"Sentence {number}{end}" for number in range(9) for end in ".!?"]
TEXTS = np.array([" ".join(SENTENCES).encode()] * 200, object)


def test_they_are_one_to_three_sentences_in_a_row_from_anywhere() -> None:
    crops = [text.decode() for text in crop(TEXTS)]
    lengths = [sum(text.count(end) for end in ".!?") for text in crops]
    assert set(lengths) == set(range(1, MOST_SENTENCES + 1))
    assert all(text in " ".join(SENTENCES) and text[-1] in ".!?" for text in crops)
    assert all(any(text.startswith(each) for text in crops) for each in SENTENCES)


def test_of_one_sentence_all_is_left() -> None:
    texts = np.array([b"No end, 3.5 of 5", b""], object)
    assert crop(texts).tolist() == texts.tolist()


def test_another_number_gives_others_and_the_same_the_same() -> None:
    assert crop(TEXTS, 1).tolist() == crop(TEXTS, 1).tolist()
    assert crop(TEXTS, 1).tolist() != crop(TEXTS, 2).tolist()
