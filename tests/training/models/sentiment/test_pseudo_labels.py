"""What an LSTM is taught: true labels, and what n-grams say of texts that nobody has labelled."""

import numpy as np
import pytest

from training.data.examples import Examples, Splits
from training.models.sentiment.pseudo_labels import Counting, Taught, teach

COUNTING = Counting(
    num_words=30,
    max_tokens=20,
    ngram_texts=1,
    ngram_strength=5.0,
    embedding_units=2,
    crop_label=0.75,
)
GOOD = [f"lovely film number {word}" for word in ("one", "two", "three", "four")]
BAD = [f"awful film number {word}" for word in ("one", "two", "three", "four")]
# In as many good as bad texts; among the unlabelled ones, beside good words alone.
BOTH = ["perhaps lovely", "perhaps awful"]
UNLABELLED = [f"perhaps lovely film {word}" for word in ("five", "six", "seven")] + ["awful eight"]


def examples(texts: list[str], targets: list[int]) -> Examples:
    return Examples({"text": texts_of(texts)}, np.array(targets, dtype=np.int64))


def texts_of(texts: list[str]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    return np.array([text.encode() for text in texts], dtype=object)


def taught(unlabelled: list[str]) -> Taught:
    train = examples([*GOOD, *BAD, *BOTH], [1, 1, 1, 1, 0, 0, 0, 0, 1, 0])
    # One in four is meant otherwise, so that nothing is certain.
    validation = examples(
        [*["a lovely one", "an awful one"] * 3, "lovely", "awful"], [1, 0] * 3 + [0, 1]
    )
    return teach(COUNTING, Splits(train, validation, "", unlabelled={"text": texts_of(unlabelled)}))


@pytest.fixture(scope="module")
def with_unlabelled() -> Taught:
    return taught(UNLABELLED)


def test_unlabelled_texts_are_learned_with_what_the_ngrams_say(with_unlabelled: Taught) -> None:
    assert len(with_unlabelled.tokens) == 4 * 14  # and three times as many crops
    assert with_unlabelled.targets[:10].tolist() == [1, 1, 1, 1, 0, 0, 0, 0, 1, 0]
    *good, bad = with_unlabelled.targets[10:14]
    assert all(0.5 < guess < 1 for guess in good)
    assert 0 < bad < 0.5
    assert "seven" in with_unlabelled.words


def test_a_crop_has_most_of_its_label_from_the_review(with_unlabelled: Taught) -> None:
    labels, *crops = np.split(with_unlabelled.targets, 4)
    for of_crops in crops:
        opinions = (of_crops - 0.75 * labels) / 0.25
        assert ((opinions > 0) & (opinions < 1)).all()
        assert opinions[:4].min() > 0.5 > opinions[4:8].max()  # of lovely films, of awful ones


def test_an_ngram_is_also_judged_by_the_company_that_it_keeps_among_them(
    with_unlabelled: Taught,
) -> None:
    text = texts_of(["perhaps"])
    alone, together = (
        float(each.features({"text": text})["ngrams"][0]) for each in (taught([]), with_unlabelled)
    )
    assert alone == pytest.approx(0, abs=0.05)
    assert together > alone + 0.05


def test_a_text_that_a_part_has_is_not_learned_as_an_unlabelled_one() -> None:
    in_train, in_validation = GOOD[0], "an awful one"
    learned = taught([in_train, in_validation, "a new one"])
    assert len(learned.tokens) == 4 * 11
