"""The thread of the log: nobody waits for it, also not who stops; what it drops is counted."""

import asyncio
import time
from collections.abc import Callable, Sequence
from threading import Event

import pytest

from serving.gateway.prediction_log import log as module
from serving.gateway.prediction_log import waiting
from serving.gateway.prediction_log.log import PredictionLog
from serving.gateway.prediction_log.records import Record
from serving.gateway.prediction_log.target import Refused
from serving.gateway.telemetry import prediction_log_metrics
from tests.in_process import growth
from tests.serving.gateway.prediction_log.answers import answered


class Kept:
    """A target in memory; `before` is done before it takes records, and may raise."""

    max_rows = 4

    def __init__(self, before: Callable[[Sequence[Record]], object] = lambda _: None) -> None:
        self.records: list[Record] = []
        self.is_closed = False
        self._before = before

    def write(self, records: Sequence[Record]) -> None:
        self._before(records)
        self.records += records

    def rotate(self) -> None:
        """Nothing is due."""

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def counts() -> Callable[[], dict[str, float]]:
    """Give what tells by how much the outcomes have grown that have."""
    prediction_log_metrics.initialise()
    name = "tfgate_prediction_log_requests_total"
    grown = {each: growth(name, outcome=each) for each in prediction_log_metrics.OUTCOMES}
    return lambda: {each: number for each, so_far in grown.items() if (number := so_far())}


def test_what_was_heard_is_written_at_the_end(counts: Callable[[], dict[str, float]]) -> None:
    target = Kept()
    log = PredictionLog(target, 100, {})
    for number in range(9):
        log.hear(answered(str(number)))
    log.start()
    asyncio.run(log.close())
    assert [record["request_id"] for record in target.records[::2]] == list("012345678")
    assert target.is_closed
    assert counts() == {"written": 9}


def test_a_slow_target_lets_so_many_wait_and_no_more(
    counts: Callable[[], dict[str, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "MAX_ROWS", 20)
    monkeypatch.setattr(module, "_BLOCK_SECONDS", 0.001)
    begun, go_on = Event(), Event()

    def slow(_: object) -> None:
        begun.set()
        go_on.wait(60)

    target = Kept(slow)
    log = PredictionLog(target, 100, {})
    log.start()
    log.hear(answered())
    assert begun.wait(60)
    for _ in range(100):
        log.hear(answered())
    assert counts() == {"dropped-crowd": 90}
    go_on.set()
    asyncio.run(log.close())
    assert counts() == {"dropped-crowd": 90, "written": 11}


def test_who_stops_waits_for_a_hanging_target_no_longer_than_is_said(
    counts: Callable[[], dict[str, float]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(module, "STOP_SECONDS", 0.05)
    go_on = Event()
    target = Kept(lambda _: go_on.wait(60))
    log = PredictionLog(target, 100, {})
    for _ in range(5):
        log.hear(answered())
    log.start()
    began = time.monotonic()
    asyncio.run(log.close())
    assert time.monotonic() - began < 30
    assert counts() == {"dropped-stop": 5}
    assert "5 requests are not in the prediction log" in caplog.text
    go_on.set()
    log._thread.join()
    assert counts() == {"dropped-stop": 5}


def test_what_is_refused_costs_no_other_and_is_told_once(
    counts: Callable[[], dict[str, float]], caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(records: Sequence[Record]) -> None:
        if records[0]["request_id"] in "24":
            raise Refused("422 no such model")

    target = Kept(refuse)
    target.max_rows = 1
    log = PredictionLog(target, 100, {})
    for number in range(6):
        log.hear(answered(str(number)))
    log.start()
    asyncio.run(log.close())
    assert [record["request_id"] for record in target.records[::2]] == list("0135")
    assert counts() == {"written": 4, "dropped-refused": 2}
    assert caplog.text.count("422 no such model") == 1


def test_a_defect_costs_a_block_and_not_the_log(
    counts: Callable[[], dict[str, float]], caplog: pytest.LogCaptureFixture
) -> None:
    defects = [TypeError("not for JSON")]
    target = Kept(lambda _: (_ for _ in ()).throw(defects.pop()) if defects else None)
    log = PredictionLog(target, 100, {})
    for _ in range(4):
        log.hear(answered())
    log.start()
    asyncio.run(log.close())
    assert counts() == {"dropped-refused": 2, "written": 2}
    assert "not for JSON" in caplog.text


@pytest.mark.parametrize("error", [OSError(28, "No space left"), ValueError("no JSON")])
def test_a_file_that_cannot_be_finished_costs_no_request(
    counts: Callable[[], dict[str, float]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    monkeypatch.setattr(module, "_BLOCK_SECONDS", 0.001)
    rotated = Event()

    def rotate() -> None:
        rotated.set()
        raise error

    target = Kept()
    monkeypatch.setattr(target, "rotate", rotate)
    log = PredictionLog(target, 100, {})
    log.start()
    assert rotated.wait(60)
    log.hear(answered())
    asyncio.run(log.close())
    assert counts() == {"written": 1}
    assert str(error) in caplog.text


def test_the_share_is_of_requests_whatever_ids_their_callers_choose() -> None:
    target = Kept()
    log = PredictionLog(target, 10, {})
    for _ in range(10_000):
        log.hear(answered("always the same"))
    log.start()
    asyncio.run(log.close())
    # Six standard deviations: once in 500 million times.
    assert len(target.records) / 2 == pytest.approx(1_000, abs=180)


def test_who_hashes_without_a_key_is_told_what_that_means(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for ways, key in (({"x": "hash"}, None), ({"x": "hash"}, b"k" * 16), ({"x": "keep"}, None)):
        log = PredictionLog(Kept(), 100, ways, key)  # type: ignore[arg-type]
        log.start()
        asyncio.run(log.close())
    assert caplog.text.count("TFGATE_PREDICTION_LOG_KEY_FILE") == 1
