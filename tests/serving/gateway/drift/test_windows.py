"""What is older than a day is forgotten, slice by slice, however time goes."""

import numpy as np
import pytest

from serving.gateway.drift.windows import NUM_SLICES, SLICE_SECONDS, Window

HOUR, DAY = 3_600, 86_400


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0 * SLICE_SECONDS

    def __call__(self) -> float:
        return self.now


def test_rows_count_for_an_hour_and_for_a_day() -> None:
    clock = Clock()
    window = Window(2, clock)
    window.add(np.array([3, 1]))
    assert window.total(HOUR).tolist() == window.total(DAY).tolist() == [3, 1]

    clock.now += HOUR + SLICE_SECONDS
    window.add(np.array([0, 2]))
    assert window.total(HOUR).tolist() == [0, 2]
    assert window.total(DAY).tolist() == [3, 3]

    clock.now += DAY - HOUR - SLICE_SECONDS
    assert window.total(DAY).tolist() == [0, 2]
    clock.now += 10 * DAY
    assert window.total(DAY).tolist() == [0, 0]


def test_an_hour_is_what_is_over_of_it_and_what_is_not() -> None:
    clock = Clock()
    window = Window(1, clock)
    for _ in range(20):
        window.add(np.array([1]))
        clock.now += SLICE_SECONDS
    assert window.total(HOUR).tolist() == [HOUR // SLICE_SECONDS]


def test_slices_are_told_with_their_times() -> None:
    clock = Clock()
    window = Window(1, clock)
    began = clock.now
    window.add(np.array([7]))
    clock.now += SLICE_SECONDS
    slices = window.slices()
    assert len(slices) == NUM_SLICES
    assert [(when, counts.tolist()) for when, counts in slices if counts.any()] == [(began, [7])]


@pytest.mark.parametrize("seconds", [-SLICE_SECONDS, -DAY])
def test_a_clock_that_is_set_back_loses_nothing(seconds: float) -> None:
    clock = Clock()
    window = Window(1, clock)
    window.add(np.array([1]))
    clock.now += seconds
    window.add(np.array([1]))
    assert window.total(HOUR).tolist() == [2]
