"""Windows of hours: where they begin and end, and what is left out."""

import numpy as np
from numpy.typing import NDArray

from training.series.windows import last_known, windows

NAN = np.nan


def hours(*numbers: int) -> NDArray[np.datetime64]:
    return np.datetime64("2014-01-01T00", "h") + np.array(numbers)


def test_a_window_has_what_was_and_what_came() -> None:
    columns = {"x": np.arange(6, dtype=np.float32), "kind": np.array([b"a"] * 6, dtype=object)}

    found = windows(columns, "x", hours(*range(6)), np.zeros(6, np.int64), past=3, ahead=2)

    assert found.inputs["x"].tolist() == [[0, 1, 2], [1, 2, 3]]
    assert found.targets.tolist() == [[3, 4], [4, 5]]
    assert found.inputs["kind"].shape == (2, 3)


def test_no_window_crosses_the_end_of_a_span_or_an_hour_that_is_not_there() -> None:
    columns = {"x": np.arange(8, dtype=np.float32)}
    spans = np.array([7, 7, 7, 8, 8, 8, 8, 8])

    found = windows(columns, "x", hours(0, 1, 2, 3, 4, 5, 7, 8), spans, past=2, ahead=1)

    assert found.inputs["x"].tolist() == [[0, 1], [3, 4]]
    assert found.groups is not None
    assert found.groups.tolist() == [7, 8]


def test_a_window_of_which_nothing_is_known_before_or_after_is_left_out() -> None:
    columns = {"x": np.array([NAN, NAN, 2, NAN, NAN, 5], np.float32)}

    found = windows(columns, "x", hours(*range(6)), np.zeros(6, np.int64), past=2, ahead=2)

    np.testing.assert_array_equal(found.inputs["x"], [[NAN, 2], [2, NAN]][1:])
    np.testing.assert_array_equal(found.targets, [[NAN, 5]])


def test_fewer_hours_than_a_window_give_none() -> None:
    columns = {"x": np.ones(3, np.float32)}
    assert len(windows(columns, "x", hours(0, 1, 2), np.zeros(3, np.int64), past=3, ahead=1)) == 0


def test_the_last_known_value_of_a_row_may_be_its_first() -> None:
    rows = np.array([[1, 2, 3], [4, NAN, NAN], [NAN, 5, NAN]], np.float32)
    assert last_known(rows).tolist() == [3, 4, 5]
