"""The learning rate rises to its peak and falls to almost nothing."""

import numpy as np
import pytest

from training.fit.schedules import OneCycle


def test_the_rate_rises_to_the_peak_then_falls_to_the_end() -> None:
    schedule = OneCycle(peak=2.0, steps=100, rise=0.25)
    rates = np.array([float(schedule(step)) for step in range(101)])
    assert rates[0] == pytest.approx(2.0 * OneCycle.START)
    assert rates.argmax() == 25
    assert rates[25] == pytest.approx(2.0)
    assert (np.diff(rates[:26]) > 0).all()
    assert (np.diff(rates[25:]) < 0).all()
    assert rates[100] == pytest.approx(2.0 * OneCycle.END)


def test_steps_beyond_the_last_keep_the_lowest_rate() -> None:
    assert float(OneCycle(peak=2.0, steps=100)(1_000)) == pytest.approx(2.0 * OneCycle.END)


def test_it_is_rebuilt_from_its_configuration() -> None:
    schedule = OneCycle(peak=0.5, steps=10, rise=0.3)
    again = OneCycle.from_config(schedule.get_config())
    assert [float(again(step)) for step in range(10)] == [
        float(schedule(step)) for step in range(10)
    ]
