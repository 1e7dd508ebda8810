"""The figures, held against what they are defined as; and that sums add up to them."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.gateway.feedback.sums import (
    Figures,
    add,
    bin_of,
    figures_of,
    label_amounts,
    number_amounts,
)
from serving.gateway.inference.answer_rows import Labels, Numbers

LABELS = ["cat", "dog", "cow"]
prices = st.floats(-1e6, 1e6)


def expected_calibration_error(scores: Sequence[float], correct: Sequence[bool]) -> float:
    """As Guo et al. (2017) have it, equations 2 and 3 and 5: bin by bin."""
    total = 0.0
    for number in range(10):
        low, high = number / 10, (number + 1) / 10
        inside = [
            (score, right)
            for score, right in zip(scores, correct, strict=True)
            if low < score <= high or (number == 0 and score == 0)
        ]
        if inside:
            confidence, accuracy = np.mean(inside, axis=0)
            total += len(inside) / len(scores) * abs(accuracy - confidence)
    return total


@given(
    st.lists(
        st.tuples(st.sampled_from(LABELS), st.floats(0, 1), st.sampled_from(LABELS)),
        min_size=1,
    ),
    st.integers(0),
)
def test_labels_give_accuracy_and_calibration(
    rows: list[tuple[str, float, str]], split: int
) -> None:
    answered, scores, truths = map(list, zip(*rows, strict=True))
    labels = Labels(answered, scores, LABELS)
    # The sums of two gateways, in any order.
    sums: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for index, truth in enumerate(truths):
        add(sums[(split >> index) % 2], label_amounts(labels, index, truth))
    add(sums[0], sums[1])

    figures = figures_of(sums[0])

    correct = [one == other for one, other in zip(answered, truths, strict=True)]
    assert figures.num_labels == len(rows)
    assert figures.accuracy == pytest.approx(np.mean(correct))
    expected = expected_calibration_error(scores, correct)
    assert figures.calibration_error == pytest.approx(expected, abs=1e-9)
    assert (figures.num_numbers, figures.rmse, figures.coverage) == (0, None, None)


@given(st.lists(st.tuples(prices, prices, prices, prices), min_size=1), st.integers(0))
def test_numbers_give_errors_and_coverage(
    rows: list[tuple[float, float, float, float]], split: int
) -> None:
    answered, lows, highs, truths = map(list, zip(*rows, strict=True))
    numbers = Numbers(answered, lows, highs)
    sums: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for index, truth in enumerate(truths):
        add(sums[(split >> index) % 2], number_amounts(numbers, index, truth))
    add(sums[0], sums[1])

    figures = figures_of(sums[0])

    errors = np.array(answered) - truths
    assert figures.num_numbers == len(rows)
    assert figures.rmse == pytest.approx(np.sqrt(np.mean(errors**2)))
    assert figures.mean_error == pytest.approx(np.mean(errors), abs=1e-6)
    inside = [low <= truth <= high for low, high, truth in zip(lows, highs, truths, strict=True)]
    assert figures.coverage == pytest.approx(np.mean(inside))
    assert (figures.num_labels, figures.accuracy, figures.calibration_error) == (0, None, None)


def test_a_label_without_a_score_says_nothing_of_calibration() -> None:
    sums: dict[str, float] = {}
    labels = Labels(["cat", "cat"], [None, 0.75], None)
    add(sums, label_amounts(labels, 0, "dog"))
    assert figures_of(sums) == Figures(1, 0.0, None, 0, None, None, None)

    add(sums, label_amounts(labels, 1, "cat"))

    assert figures_of(sums) == Figures(2, 0.5, 0.25, 0, None, None, None)


def test_a_number_without_an_interval_says_nothing_of_coverage() -> None:
    sums: dict[str, float] = {}
    add(sums, number_amounts(Numbers([3.0]), 0, 5.0))

    assert figures_of(sums) == Figures(0, None, None, 1, 2.0, -2.0, None)


@pytest.mark.parametrize(
    ("score", "number"),
    [(0, 0), (0.1, 0), (0.10001, 1), (0.3, 2), (0.7, 6), (0.9, 8), (0.95, 9), (1, 9)],
)
def test_the_upper_edge_belongs_to_a_bin(score: float, number: int) -> None:
    assert bin_of(score) == number
