"""Parts of examples, and the figures of each."""

import numpy as np
import pytest

from training.outputs.classification import CLASSIFICATION
from training.outputs.regression import REGRESSION
from training.outputs.slices import by_familiarity, fifths, measure_slices

RANDOM = np.random.default_rng(0)


def test_fifths_hold_as_many_each_and_say_up_to_what() -> None:
    parts = fifths(RANDOM.permutation(np.arange(1, 101)))
    assert list(parts) == [
        "up to 20",
        "above 20 to 40",
        "above 40 to 60",
        "above 60 to 80",
        "above 80",
    ]
    assert [int(rows.sum()) for rows in parts.values()] == [20] * 5


def test_each_example_is_in_the_part_whose_name_has_its_value() -> None:
    values = np.array([1_500.0, 0.25, 7.0, 1_500.0, 30.0])
    parts = {name: rows.tolist() for name, rows in fifths(values).items()}
    assert parts == {
        "up to 0.25": [False, True, False, False, False],
        "above 0.25 to 7": [False, False, True, False, False],
        "above 7 to 30": [False, False, False, False, True],
        "above 30": [True, False, False, True, False],
    }


def test_equal_values_are_not_torn_apart() -> None:
    assert {
        name: int(rows.sum()) for name, rows in fifths(np.array([2] * 90 + [5] * 10)).items()
    } == {
        "up to 2": 90,
        "above 2": 10,
    }
    assert [rows.all() for rows in fifths(np.zeros(9)).values()] == [True]


def scores(right: list[bool]) -> dict[str, np.typing.NDArray[np.generic]]:
    """Answer examples whose true class is the first, surely."""
    sure = np.where(right, 0.75, 0.25).astype(np.float32)
    classes = np.array([[b"a", b"b"]] * len(right), object)
    return {"scores": np.stack([sure, 1 - sure], axis=1), "classes": classes}


def test_each_part_is_measured_alone_with_its_scatter() -> None:
    right = [True] * 20 + [True, False] * 10
    easy = np.arange(40) < 20
    parts = {"kind": {"easy": easy, "hard": ~easy, "rare": np.arange(40) < 9}}
    measured = measure_slices(CLASSIFICATION, scores(right), np.zeros(40, np.int64), parts)
    assert [(each.by, each.name, each.count) for each in measured] == [
        ("kind", "easy", 20),
        ("kind", "hard", 20),
    ]
    first, second = measured
    assert (first.metrics["accuracy"], second.metrics["accuracy"]) == (1, 0.5)
    assert first.standard_errors["accuracy"] == 0
    assert second.standard_errors["accuracy"] == pytest.approx(np.sqrt(0.25 / 19))
    # Nobody knows how far the calibration error scatters.
    assert first.metrics.keys() == first.standard_errors.keys() == {"accuracy", "log_loss"}


def test_figures_that_are_of_parts_already_are_left_out() -> None:
    truth = np.arange(20, dtype=np.float32)
    outputs = {"price": truth + 1, "price_low": truth - 1, "price_high": truth + 3}
    (measured,) = measure_slices(REGRESSION, outputs, truth, {"all": {"of them": truth >= 0}})
    assert measured.metrics == {
        "root_mean_squared_error": 1,
        "mean_absolute_error": 1,
        "interval_coverage": 1,
        "interval_mean_width": 4,
    }


def test_what_was_called_unfamiliar_is_a_part() -> None:
    parts = by_familiarity({"familiarity": np.array([0.049, 0.05, 1.0], np.float32)})
    assert {name: rows.tolist() for name, rows in parts["familiarity"].items()} == {
        "below 0.05": [True, False, False],
        "0.05 and above": [False, True, True],
    }
    assert by_familiarity({"scores": np.zeros((3, 2), np.float32)}) == {}
