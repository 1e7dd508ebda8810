import threading
from pathlib import Path
from typing import NoReturn

from serving.embedded.lifecycle import Lifecycle, RetryPolicy
from serving.embedded.servable import Servable
from serving.embedded.state_reports import END, LOADING, StateReports
from serving.embedded.statuses import StatusError, unknown
from tests.stack import wait_until


def test_a_load_is_tried_again_and_its_error_told_at_the_end() -> None:
    reports = StateReports()
    at_each_attempt: list[tuple[int, StatusError | None]] = []

    def fail(directory: Path) -> NoReturn:
        at_each_attempt.extend((r.state, r.error) for r in reports.of_model("m"))
        raise unknown(f"attempt {len(at_each_attempt)} at {directory}")

    lifecycle = Lifecycle(fail, RetryPolicy(retries=2, interval_seconds=0), reports)
    lifecycle.start()
    lifecycle.aspire("m", {1: Path("/m/1")})
    wait_until(lambda: reports.of_model("m")[0].state == END, "giving up")
    lifecycle.stop()
    assert at_each_attempt == [(LOADING, None)] * 3
    assert reports.of_model("m")[0].error == unknown("attempt 3 at /m/1")


class ClosesWithOthers(Servable):
    """Can be closed only while others are being closed, as when their calls wait for each other."""

    def __init__(self, together: threading.Barrier) -> None:
        self._together = together

    def close(self) -> None:
        self._together.wait(timeout=20)


def test_a_stop_closes_all_versions_at_once() -> None:
    reports, together = StateReports(), threading.Barrier(2)
    lifecycle = Lifecycle(lambda _: ClosesWithOthers(together), RetryPolicy(0, 0), reports)
    lifecycle.start()
    for model in ("a", "b"):
        lifecycle.aspire(model, {1: Path("/1")})
    reports.wait_until_available(["a", "b"], "model")
    lifecycle.stop()
    assert not together.broken
