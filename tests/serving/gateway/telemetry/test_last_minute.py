"""What came within the last minute, by counters that only ever grow."""

import numpy as np
import pytest

from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.last_minute import LastMinute

MODEL = "counted by the minute"


class Clock:
    """A time that tests set."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def minute(clock: Clock) -> LastMinute:
    metrics.initialise_model(MODEL)
    return LastMinute(clock)


def answer(version: int | None, seconds: float, num_rows: int, *, ok: bool = True) -> None:
    series = metrics.SERIES[MODEL, version]
    series.ok.inc(ok)
    series.call_rows.observe(num_rows)
    metrics.UNCOUNTED.append((series, (seconds, 1.0, *[np.nan for _ in metrics.STAGES])))


def test_what_was_counted_before_is_left_out(minute: LastMinute, clock: Clock) -> None:
    answer(1, 0.2, 3)
    metrics.SHED.labels(MODEL, metrics.SHED_BY_LIMIT).inc()
    began_later = LastMinute(clock)

    assert minute.of(MODEL).by_seconds.sum() == 1
    assert began_later.of(MODEL).by_seconds.sum() == 0
    assert minute.of(MODEL).shed == {"bound": 0, "limit": 1}
    assert began_later.of(MODEL).shed == {"bound": 0, "limit": 0}


def test_versions_are_added_up(minute: LastMinute) -> None:
    answer(1, 0.2, 3)
    answer(2, 7.0, 600)
    answer(None, 0.2, 1, ok=False)

    told = minute.of(MODEL)

    assert (told.num_ok, told.num_rows) == (2, 604)
    assert told.by_seconds[metrics.SECONDS.index(0.25)] == 2
    assert told.by_seconds[-1] == 1
    assert told.by_rows[[0, 2, -1]].tolist() == [1, 1, 1]


def test_a_minute_later_it_is_forgotten(minute: LastMinute, clock: Clock) -> None:
    answer(1, 0.2, 3)
    for _ in range(5):
        clock.now += 10
        minute.look()
    told = minute.of(MODEL)
    assert (told.seconds, told.by_seconds.sum()) == (50, 1)

    for _ in range(6):
        clock.now += 10
        minute.look()

    told = minute.of(MODEL)
    assert (told.seconds, told.by_seconds.sum(), told.num_rows) == (50, 0, 0)
