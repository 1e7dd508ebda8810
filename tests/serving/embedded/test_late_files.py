"""A version that is copied in place, file by file, while an older one answers."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tensorflow as tf

from serving.embedded.lifecycle import Lifecycle, RetryPolicy
from serving.embedded.servable import Servable, ServableOptions
from serving.embedded.state_reports import AVAILABLE, END, Report, StateReports
from tests.contract.tf_serving.saved_models import write_warmup
from tests.damage import GRAPH, VARIABLES_DATA, VARIABLES_INDEX, WARMUP, cut
from tests.serving.embedded.numbered import export_number, request
from tests.stack import wait_until


class Copy:
    """A copy on its way; every step is one more file, or half of one."""

    def __init__(self, whole: Path, to: Path) -> None:
        self._whole = whole
        self._to = to

    def file(self, name: str) -> None:
        (self._to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(self._whole / name, self._to / name)

    def half(self, name: str) -> None:
        self.file(name)
        cut(name)(self._to)

    def blank(self, name: str) -> None:
        """Take the place that the file needs, as some programs do first."""
        (self._to / name).write_bytes(bytes((self._whole / name).stat().st_size))


class Polled:
    """A lifecycle of one model, which learns of the disk only when it is told to look."""

    def __init__(self, base_path: Path, retry: RetryPolicy) -> None:
        self._base_path = base_path
        self._reports = StateReports()
        options = ServableOptions(("serve",), tf.compat.v1.ConfigProto())
        self.lifecycle = Lifecycle(lambda path: Servable(path, options), retry, self._reports)

    def look(self, *versions: int) -> None:
        """Want these versions and no other."""
        self.lifecycle.aspire("m", {v: self._base_path / str(v) for v in versions})

    def poll(self, version: int, *others: int) -> Report:
        """Want a version, alone or beside others, and return what came of it.

        It takes a second look to see that nothing changes any more.
        """
        for _ in range(2):
            self.look(version, *others)
        wait_until(lambda: self.report(version).state in (AVAILABLE, END), "an attempt")
        return self.report(version)

    @property
    def attempts(self) -> int:
        """How often anything was loaded."""
        return self.lifecycle.load_metrics["/tensorflow/cc/saved_model/load_attempt_count"]

    def report(self, version: int) -> Report:
        return next(r for r in self._reports.of_model("m") if r.version == version)

    def answer(self) -> int:
        with self.lifecycle.in_use("m", None) as (version, servable):
            outputs = servable.predict(request()).outputs
        assert set(outputs["number"].float_val) == {float(version)}
        return version


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    whole = tmp_path / "whole"
    export_number(whole, 2)
    write_warmup(whole, [request()])
    return Copy(whole, tmp_path / "2")


@contextmanager
def serving_version_1(base_path: Path, retry: RetryPolicy) -> Iterator[Polled]:
    export_number(base_path / "1", 1)
    polled = Polled(base_path, retry)
    polled.lifecycle.start()
    try:
        assert polled.poll(1).state == AVAILABLE
        yield polled
    finally:
        polled.lifecycle.stop()


@pytest.fixture
def polled(tmp_path: Path) -> Iterator[Polled]:
    """Version 1 answers; a load that fails is tried once more."""
    with serving_version_1(tmp_path, RetryPolicy(retries=1, interval_seconds=0)) as polled:
        yield polled


Steps = list[tuple[Callable[[Copy], None], str]]


def file(name: str) -> Callable[[Copy], None]:
    return lambda copy: copy.file(name)


def half(name: str) -> Callable[[Copy], None]:
    return lambda copy: copy.half(name)


def blank(name: str) -> Callable[[Copy], None]:
    return lambda copy: copy.blank(name)


NO_INDEX = "NOT_FOUND: {version}/variables/variables.index; No such file or directory"
NO_DATA = "NOT_FOUND: {version}/variables/variables.data-00000-of-00001; No such file"
NO_GRAPH = "NOT_FOUND: Specified file path does not appear to contain a SavedModel"

# Each with what keeps the version from service after it; the last file of each makes it whole.
AS_CP_AND_RSYNC_COPY: Steps = [
    (file(WARMUP), NO_GRAPH),
    (half(GRAPH), "OUT_OF_RANGE: Read less bytes than requested"),
    (file(GRAPH), NO_INDEX),
    (half(VARIABLES_DATA), NO_INDEX),
    (file(VARIABLES_DATA), NO_INDEX),
    (file(VARIABLES_INDEX), ""),
]
DATA_LAST: Steps = [
    (file(GRAPH), NO_INDEX),
    (file(VARIABLES_INDEX), NO_DATA),
    (half(VARIABLES_DATA), "OUT_OF_RANGE: "),
    (blank(VARIABLES_DATA), "DATA_LOSS: "),
    (file(VARIABLES_DATA), ""),
]


@pytest.mark.parametrize("steps", [AS_CP_AND_RSYNC_COPY, DATA_LAST])
def test_a_version_is_served_once_its_files_have_arrived(
    tmp_path: Path, copy: Copy, polled: Polled, steps: Steps
) -> None:
    for copy_more, reason in steps[:-1]:
        attempts = polled.attempts
        copy_more(copy)
        report = polled.poll(2)
        assert report.state == END
        assert str(report.error).startswith(reason.format(version=tmp_path / "2"))
        assert polled.poll(2) == report, "it was tried though nothing had changed"
        assert polled.attempts == attempts + 2
        assert polled.answer() == 1
    last, _ = steps[-1]
    last(copy)
    assert polled.poll(2).state == AVAILABLE
    assert polled.answer() == 2
    wait_until(lambda: polled.report(1).state == END, "the end of version 1")


def test_a_copy_that_goes_on_is_left_alone(copy: Copy, polled: Polled) -> None:
    copy.file(GRAPH)
    failed = polled.poll(2)
    for copy_more in (half(VARIABLES_DATA), file(VARIABLES_DATA), file(VARIABLES_INDEX)):
        copy_more(copy)
        polled.look(2)
        assert polled.report(2) == failed
    assert polled.poll(2).state == AVAILABLE


def test_files_that_arrive_are_not_kept_waiting_for_the_next_attempt(
    tmp_path: Path, copy: Copy
) -> None:
    an_hour = RetryPolicy(retries=1, interval_seconds=3600)
    with serving_version_1(tmp_path, an_hour) as polled:

        def is_served() -> bool:
            polled.look(2)
            return polled.report(2).state == AVAILABLE

        copy.file(GRAPH)
        polled.look(2)
        wait_until(lambda: polled.attempts == 2, "an attempt")
        copy.file(VARIABLES_DATA)
        copy.file(VARIABLES_INDEX)
        wait_until(is_served, "the next attempt")


def test_a_version_that_is_taken_away_keeps_the_reason_it_failed_for(
    tmp_path: Path, copy: Copy, polled: Polled
) -> None:
    copy.file(GRAPH)
    failed = polled.poll(2, 1)
    shutil.rmtree(tmp_path / "2")
    polled.look(1)
    assert polled.report(2) == failed
