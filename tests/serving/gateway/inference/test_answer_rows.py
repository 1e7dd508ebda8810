"""What is kept of outputs: labels with scores, numbers with intervals, and nothing of the rest."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from serving.contract import Tensors
from serving.gateway.inference.answer_rows import MAX_ROWS, Labels, Numbers, rows_of


def floats(*values: Any) -> "np.typing.NDArray[np.float32]":
    return np.array(values, np.float32)


def texts(*rows: list[bytes]) -> "np.typing.NDArray[Any]":
    return np.array(rows, dtype=object)


CAT_OR_DOG = {"classes": texts([b"cat", b"dog"], [b"cat", b"dog"])}


@pytest.mark.parametrize(
    ("outputs", "kept"),
    [
        (
            {**CAT_OR_DOG, "scores": floats([0.25, 0.75], [1, 0])},
            Labels(["dog", "cat"], [0.75, 1.0], ["cat", "dog"]),
        ),
        # Logits say which label it is, and nothing of how sure it is; nor that these are all.
        (
            {**CAT_OR_DOG, "scores": floats([-3, 4], [2, 1])},
            Labels(["dog", "cat"], [None, None], None),
        ),
        # The best two of many: the scores are some, and other labels there are as well.
        (
            {
                "classes": texts([b"cat", b"dog"], [b"cow", b"cat"]),
                "scores": floats([0.5, 0.25], [0.75, 0.125]),
            },
            Labels(["cat", "cow"], [0.5, 0.75], None),
        ),
        (
            {"classes": np.array([[7, 9]]), "scores": floats([0.25, 0.75])},
            Labels(["9"], [0.75], ["7", "9"]),
        ),
        ({"probabilities": floats([0.25, 0.5, 0.25])}, Labels(["1"], [0.5], 3)),
        (
            {"class_id": np.array([1]), "probabilities": floats([0.25, 0.75])},
            Labels(["1"], [0.75], 2),
        ),
        ({"embedding": floats([0.25, 2, -1])}, None),
        ({"price": floats(3, 4)}, Numbers([3, 4])),
        ({"price": floats([3], [4])}, Numbers([3, 4])),
        ({"price": np.array([3.5], np.float16)}, Numbers([3.5])),
        ({"price": np.array([3.5], ml_dtypes.bfloat16)}, Numbers([3.5])),
        (
            {"price": floats(3), "price_low": floats(2), "price_high": floats([5])},
            Numbers([3], [2], [5]),
        ),
        (
            {
                "limits": floats([0, 1]),
                "price": floats(3),
                "price_low": floats(2),
                "price_high": floats(5),
            },
            Numbers([3], [2], [5]),
        ),
        ({"price": floats(3), "rent": floats(2)}, None),
        ({"price": floats(3), "price_low": floats(2)}, None),
        ({"price": floats(np.nan)}, None),
        ({"price": floats(1, np.inf)}, None),
        ({"price": np.array([1e300])}, None),
        ({"probabilities": floats([np.nan, 0.5])}, None),
        ({"classes": texts([b"cat", b"dog"]), "scores": floats([np.nan, 0.5])}, None),
        ({"class": np.array([3])}, None),
        ({"text": np.array([b"a"], dtype=object)}, None),
        ({"total": np.float32(3).reshape(())}, None),
        ({"price": floats()}, None),
        ({"scores": np.zeros((0, 2), np.float32), "classes": np.zeros((0, 2), object)}, None),
        ({"scores": np.zeros((1, 0), np.float32), "classes": np.zeros((1, 0), object)}, None),
        ({"probabilities": np.zeros((0, 3), np.float32)}, None),
        ({}, None),
    ],
    ids=str,
)
def test_of_each_row_its_label_or_its_number_is_kept(outputs: Tensors, kept: object) -> None:
    assert rows_of([outputs]) == [kept]


def test_answers_of_one_kind_are_told_apart_again() -> None:
    prices = [{"price": floats(1)}, {"price": floats(2, 3)}, {"price": floats(np.nan)}]

    assert rows_of(prices) == [Numbers([1]), Numbers([2, 3]), None]

    scores = [{"p": floats([0, 1])}, {"p": floats([3, 1])}, {"p": floats([1, 0], [0.5, 0.5])}]

    assert rows_of(scores) == [Labels(["1"], [1], 2), None, Labels(["0", "0"], [1, 0.5], 2)]


def test_of_very_many_rows_the_first_are_kept() -> None:
    [kept, other] = rows_of([{"x": np.arange(MAX_ROWS + 5.0)}, {"x": floats(7)}])

    assert kept == Numbers(list(range(MAX_ROWS)))
    assert other == Numbers([7])


def test_a_thousand_probabilities_may_miss_a_whole_by_what_float16_rounds() -> None:
    scores = np.full((1, 1000), 0.001, np.float16)
    scores[0, 7] = 0.004
    assert scores.sum(dtype=float) == pytest.approx(1.0034, abs=1e-4)

    [kept] = rows_of([{"probabilities": scores}])

    assert kept == Labels(["7"], [float(scores[0, 7])], 1000)


def test_a_long_list_of_labels_is_not_kept_with_each_answer() -> None:
    names = [f"class {number}".encode() for number in range(101)]
    scores = np.zeros((1, 101), np.float32)
    scores[0, 100] = 1

    [kept] = rows_of([{"classes": texts(names), "scores": scores}])

    assert kept == Labels(["class 100"], [1], None)
