"""When there is time for what nobody waits for: what the loop and the model tell."""

import threading
import time

import pytest

from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.spare_time import SpareTime, seconds_wanted


class Process:
    """A clock, and the processor time that the loop has had or waited for by then."""

    def __init__(self) -> None:
        self.now, self.wanted = 1000.0, 0.0
        self.spare = SpareTime(lambda: self.now, lambda: lambda: self.wanted)

    def passes(self, seconds: float, share: float) -> None:
        self.now += seconds
        self.wanted += share * seconds


@pytest.fixture
def limit() -> ConcurrencyLimit:
    return ConcurrencyLimit("housing", max_limit=8)


def test_a_loop_that_hardly_sleeps_is_busy_until_it_does(limit: ConcurrencyLimit) -> None:
    process = Process()
    told = []
    for share in (0.3, 0.9, 0.95, 0.3, 0.1):
        process.spare.is_lacking(limit)
        process.passes(1, share)
        told.append(process.spare.is_lacking(limit))

    assert told == [False, True, True, False, False]


def test_it_is_looked_at_now_and_then_and_not_for_each_request(limit: ConcurrencyLimit) -> None:
    process = Process()
    process.spare.is_lacking(limit)
    process.passes(0.05, 1)
    assert not process.spare.is_lacking(limit)

    process.passes(0.06, 1)
    assert process.spare.is_lacking(limit)


def test_a_model_that_is_half_full_has_none(limit: ConcurrencyLimit) -> None:
    spare = Process().spare
    for _ in range(4):
        limit.__enter__()
    assert not spare.is_lacking(limit)

    limit.__enter__()
    assert spare.is_lacking(limit)

    limit.__exit__(None, None, None)
    assert not spare.is_lacking(limit)


def test_a_model_whose_requests_wait_for_a_call_has_none(limit: ConcurrencyLimit) -> None:
    spare = Process().spare
    for _ in range(40):
        limit.observe(waited_seconds=0.01, took_seconds=0.01)
    assert spare.is_lacking(limit)

    for _ in range(40):
        limit.observe(waited_seconds=0, took_seconds=0.01)
    assert not spare.is_lacking(limit)


def test_a_thread_that_works_wants_time_and_one_that_waits_does_not() -> None:
    wanted = seconds_wanted()
    before, began = wanted(), time.thread_time()
    while time.thread_time() < began + 0.02:
        pass
    worked = wanted() - before
    before, began = wanted(), time.monotonic()
    threading.Event().wait(0.05)
    waited, passed = wanted() - before, time.monotonic() - began

    assert worked >= 0.02 - 1e-3
    assert waited < passed - 0.04
