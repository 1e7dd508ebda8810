"""What two versions' answers have in common, output by output and row by row."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from serving.contract import Tensors
from serving.gateway.releases.comparison import compare

NAN, INFINITY = float("nan"), float("inf")


def floats(*values: Any) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def names(*rows: list[str]) -> NDArray[np.object_]:
    return np.array([[name.encode() for name in row] for row in rows], object)


def sentiment(*scores: list[float], classes: tuple[str, str] = ("negative", "positive")) -> Tensors:
    return {"classes": names(*[list(classes)] * len(scores)), "scores": floats(*scores)}


def house(price: float) -> Tensors:
    return {name: floats(price * part) for name, part in _PARTS.items()}


_PARTS = {"price": 1, "price_low": 0.8, "price_high": 1.2}


def test_the_same_answer_agrees() -> None:
    for outputs in (sentiment([0.25, 0.75], [0.5, 0.5]), house(250_000)):
        compared = compare(outputs, outputs, 0)

        assert compared.num_disagreeing == 0
        assert compared.reason is None


def test_scores_beside_the_names_of_their_classes_are_apart_by_total_variation() -> None:
    compared = compare(
        sentiment([0.2, 0.8], [0.2, 0.8], [0.5, 0.5]),
        sentiment([0.3, 0.7], [0.9, 0.1], [0.5, 0.5]),
        0.15,
    )

    assert compared.total_variation == pytest.approx([0.1, 0.7, 0])
    assert compared.relative_difference is None
    assert compared.disagrees.tolist() == [False, True, False]
    assert compared.labels_agree is not None
    assert compared.labels_agree.tolist() == [True, False, True]


def test_classes_in_another_order_are_told_by_their_names() -> None:
    one = sentiment([0.2, 0.8], [0.4, 0.6], [0.5, 0.5])
    two = sentiment([0.8, 0.2], [0.1, 0.9], [0.5, 0.5], classes=("positive", "negative"))

    compared = compare(one, two, 0.05)

    assert compared.total_variation == pytest.approx([0, 0.5, 0])
    assert compared.labels_agree is not None
    assert compared.labels_agree.tolist() == [True, False, True]


def test_rows_may_name_their_best_classes_only() -> None:
    one = {"classes": names(["cat", "dog"], ["cat", "dog"]), "scores": floats([0.6, 0.2], [0.6, 0])}
    two = {"classes": names(["cat", "fox"], ["dog", "cat"]), "scores": floats([0.5, 0.1], [0.4, 0])}

    compared = compare(one, two, 0.3)

    assert compared.total_variation == pytest.approx([(0.1 + 0.2 + 0.1) / 2, (0.6 + 0.4) / 2])
    assert compared.labels_agree is not None
    assert compared.labels_agree.tolist() == [True, False]


def test_scores_of_classes_that_are_no_distribution_are_shares_of_the_larger_sum() -> None:
    classes = names(["a", "b", "c"])

    compared = compare(
        {"classes": classes, "scores": floats([4, 2, -2])},
        {"classes": classes, "scores": floats([2, 2, -2])},
        0.05,
    )

    assert compared.total_variation == pytest.approx([2 / (2 * 8)])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ml_dtypes.bfloat16])
def test_rows_that_sum_to_1_are_distributions(dtype: Any) -> None:
    one, two = ({"p": np.array(rows, dtype)} for rows in ([[0.25, 0.75]], [[0.75, 0.25]]))

    compared = compare(one, two, 0.4)

    assert compared.total_variation == pytest.approx([0.5])
    assert compared.disagrees.tolist() == [True]
    assert compared.labels_agree is not None
    assert compared.labels_agree.tolist() == [False]


def test_each_place_of_a_sequence_has_its_distribution() -> None:
    one = {"tags": floats([[0.9, 0.1], [0.2, 0.8]])}
    two = {"tags": floats([[0.9, 0.1], [0.7, 0.3]])}

    compared = compare(one, two, 0.1)

    assert compared.total_variation == pytest.approx([0.5])
    assert compared.labels_agree is not None
    assert compared.labels_agree.tolist() == [False]


def test_other_numbers_differ_relatively_to_the_larger() -> None:
    one = {"price": floats(100, 0, -1, 2, 0)}
    two = {"price": floats(110, 0, 1, 2, 5)}

    compared = compare(one, two, 0.2)

    assert compared.relative_difference == pytest.approx([10 / 110, 0, 2, 0, 1])
    assert compared.disagrees.tolist() == [False, False, True, False, True]
    assert compared.total_variation is None
    assert compared.labels_agree is None


def test_the_output_that_is_farthest_apart_counts() -> None:
    compared = compare(house(100), {**house(100), "price_low": floats(40)}, 0.05)

    assert compared.relative_difference == pytest.approx([0.5])
    assert compared.num_disagreeing == 1


@pytest.mark.parametrize(
    ("one", "two", "agrees"),
    [
        (np.array([1, 2]), np.array([1, 3]), [True, False]),
        (np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 5]]), [True, False]),
        (np.array([True, False]), np.array([False, False]), [False, True]),
        (np.array([b"a", b"b"], object), np.array([b"a", b"B"], object), [True, False]),
        (names(["a", "b"], ["c", "d"]), names(["b", "a"], ["c", "d"]), [False, True]),
    ],
)
def test_whole_numbers_and_texts_are_equal_or_not(
    one: NDArray[Any], two: NDArray[Any], agrees: list[bool]
) -> None:
    compared = compare({"label": one}, {"label": two}, 1)

    assert compared.disagrees.tolist() == [not each for each in agrees]
    assert compared.labels_agree is not None
    assert compared.labels_agree.tolist() == agrees
    assert compared.total_variation is compared.relative_difference is None


def test_a_row_agrees_if_all_its_outputs_do() -> None:
    one = {"label": np.array([b"a", b"b", b"c"], object), "score": floats(0.5, 0.5, 0.5)}
    two = {"label": np.array([b"a", b"a", b"c"], object), "score": floats(0.5, 0.5, 0.9)}

    assert compare(one, two, 0.05).disagrees.tolist() == [False, True, True]


@pytest.mark.parametrize("wrong", [NAN, INFINITY, -INFINITY])
def test_what_is_no_number_is_beyond_every_tolerance_and_spoils_its_own_row_alone(
    wrong: float,
) -> None:
    pairs = [
        (sentiment([0.2, 0.8], [0.2, 0.8]), sentiment([wrong, 0.8], [0.2, 0.8])),
        (sentiment([0.2, wrong], [0.2, 0.8]), sentiment([0.2, 0.8], [0.2, 0.8])),
        (
            sentiment([0.2, 0.8], [0.2, 0.8]),
            sentiment([0.8, wrong], [0.8, 0.2], classes=("positive", "negative")),
        ),
        ({"p": floats([0.2, 0.8], [0.2, 0.8])}, {"p": floats([wrong, 0.8], [0.2, 0.8])}),
        ({"price": floats(1, 2)}, {"price": floats(wrong, 2)}),
    ]
    for one, two in pairs:
        compared = compare(one, two, 1e9)

        distance = compared.total_variation
        distance = compared.relative_difference if distance is None else distance
        assert compared.disagrees.tolist() == [True, False]
        assert distance is not None
        assert distance[0] != distance[0], "there is no such distance"
        assert distance[1] == 0
        if compared.labels_agree is not None:
            assert compared.labels_agree.tolist() == [False, True]


@pytest.mark.parametrize("wrong", [NAN, INFINITY, -INFINITY])
def test_the_same_nonsense_is_the_same(wrong: float) -> None:
    for outputs in (sentiment([wrong, 0.8]), {"price": floats(wrong)}, {"p": floats([wrong, 1])}):
        assert compare(outputs, outputs, 0).num_disagreeing == 0


@pytest.mark.parametrize(
    ("two", "reason"),
    [
        ({"p": floats([1, 0, 0])}, "p is float32[1, 2] and float32[1, 3]"),
        ({"p": np.array([[1.0, 0]])}, "p is float32[1, 2] and float64[1, 2]"),
        ({"p": names(["1", "0"])}, "p is float32[1, 2] and string[1, 2]"),
        ({"q": floats([1, 0])}, "one has p; the other q"),
        ({}, "one has p; the other "),
        ({"p": floats([1, 0], [1, 0])}, "p is float32[1, 2] and float32[2, 2]"),
        ({"p": floats(1)}, "p is float32[1, 2] and float32[1]"),
    ],
)
def test_what_cannot_be_compared_disagrees_and_says_why(two: Tensors, reason: str) -> None:
    compared = compare({"p": floats([1, 0])}, two, 1e9)

    assert compared.disagrees.tolist() == [True]
    assert compared.reason == reason


@pytest.mark.parametrize(
    "outputs",
    [
        {"total": np.float32(3.5).reshape(())},
        {"one": floats(1, 2), "two": floats(1, 2, 3)},
    ],
)
def test_outputs_without_a_batch_are_one_row(outputs: Tensors) -> None:
    assert compare(outputs, outputs, 0).disagrees.tolist() == [False]


@pytest.mark.parametrize(
    "outputs",
    [
        {"classes": np.empty((0, 2), object), "scores": np.empty((0, 2), np.float32)},
        {"p": np.empty((0, 3))},
        {"price": np.empty(0)},
        {"label": np.empty((0, 4), np.int64)},
    ],
)
def test_an_empty_batch_has_nothing_to_compare(outputs: Tensors) -> None:
    assert compare(outputs, outputs, 0).num_rows == 0


@given(st.data())
def test_rows_are_compared_each_for_itself_and_whichever_is_first(data: st.DataObject) -> None:
    """Whatever the other rows are: so answers of many requests can be compared at once."""
    num_rows = data.draw(st.integers(1, 6))

    def drawn() -> Tensors:
        scores = data.draw(
            st.lists(
                st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3),
                min_size=num_rows,
                max_size=num_rows,
            )
        )
        orders = [data.draw(st.permutations(["a", "b", "c"])) for _ in range(num_rows)]
        return {"classes": names(*map(list, orders)), "scores": floats(*scores)}

    one, two = drawn(), drawn()
    together, reverse = compare(one, two, 0.1), compare(two, one, 0.1)

    for row in range(num_rows):
        mine, others = ({k: v[[row]] for k, v in side.items()} for side in (one, two))
        alone = compare(mine, others, 0.1)
        assert together.disagrees[row] == alone.disagrees[0]
        assert together.total_variation is not None
        assert alone.total_variation is not None
        assert together.total_variation[row] == pytest.approx(alone.total_variation[0])
    assert reverse.total_variation == pytest.approx(together.total_variation)


def test_a_row_of_nonsense_leaves_the_others_distributions() -> None:
    compared = compare({"p": floats([0.2, 0.8], [1, 0])}, {"p": floats([NAN, 0.8], [0.9, 0.1])}, 0)

    assert compared.total_variation is not None
    assert compared.total_variation[1] == pytest.approx(0.1)
