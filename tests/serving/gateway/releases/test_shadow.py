"""Which requests are copied, when, how many at once, and that nothing comes of it for anybody."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from serving.contract import Tensors
from serving.errors import ModelServerUnavailable, PredictionFailed, RejectedByModel
from serving.gateway.inference.answered import Answered
from serving.gateway.releases import shadow
from serving.gateway.releases.shadow import MOST_COPIES
from serving.gateway.telemetry import metrics
from tests.in_process import reading
from tests.serving.gateway.inference.scripted_call import MODEL as ECHO
from tests.serving.gateway.inference.scripted_call import run_alone, settle
from tests.serving.gateway.releases.copying import (
    CANDIDATE,
    MAX_ROWS,
    MODEL,
    SHADOW,
    STABLE,
    Other,
    answered,
    copies,
    leave,
    release,
    show,
)

ALL = {"version": SHADOW, "percent": 100}
CANDIDATE_COMPARED = {"version": CANDIDATE, "percent": 50, "compare": 100}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "GATHER_SECONDS", 0)


def counted(outcome: str, version: int = SHADOW, role: str = "shadow") -> Callable[[], float]:
    """Return what tells how many copies have had this outcome since now."""
    labels = {"model": MODEL, "version": str(version), "role": role, "outcome": outcome}
    metrics.COPIES.labels(**labels)
    before = reading("tfgate_copies_total", **labels)
    return lambda: reading("tfgate_copies_total", **labels) - before


def run(test: Callable[[], Any]) -> None:
    metrics.CALLS_IN_FLIGHT.labels(ECHO)  # it looks at that one, too
    run_alone(test())


def many(number: int, **more: Any) -> list[Answered]:
    return [answered(n, request_id=f"r{n}", **more) for n in range(number)]


def test_a_copy_begins_once_the_answer_has_left() -> None:
    async def test() -> None:
        other = Other()
        copying = copies(other, release(shadow=ALL))
        seen = answered(7)

        copying(seen)
        await settle()
        assert other.calls == []

        leave(seen)
        await settle()
        assert [numbers for _, numbers in other.calls] == [[7]]
        await copying.close()

    run(test)


def test_what_others_do_after_an_answer_is_done_as_well() -> None:
    async def test() -> None:
        other, done = Other(), []
        copying = copies(other, release(shadow=ALL))
        seen = answered(7)
        seen.context.after = lambda: done.append("theirs")

        show(copying, seen)
        await settle()

        assert done == ["theirs"]
        assert other.numbers == [7]
        await copying.close()

    run(test)


def test_a_share_is_drawn_by_the_request_and_the_same_everywhere() -> None:
    async def test() -> None:
        drawn = []
        for percent in (10, 10, 30):
            other = Other()
            copying = copies(other, release(shadow={"version": SHADOW, "percent": percent}))
            for n in range(400):
                show(copying, answered(n, request_id=f"r{n}"))
            await settle()
            drawn.append(set(other.numbers))
            await copying.close()
        assert drawn[0] == drawn[1]
        assert drawn[0] < drawn[2]
        assert 20 < len(drawn[0]) < 65
        assert 90 < len(drawn[2]) < 155

    run(test)


@pytest.mark.parametrize(
    ("parts", "seen", "asked"),
    [
        ({"shadow": ALL}, {"route": "stable"}, [SHADOW]),
        ({"shadow": ALL}, {"route": "pinned"}, []),
        ({"shadow": ALL}, {"route": "pinned", "version": 9}, []),
        ({"shadow": {"version": SHADOW, "percent": 0}}, {"route": "stable"}, []),
        ({}, {"route": "stable"}, []),
        ({"candidate": CANDIDATE_COMPARED}, {"route": "stable"}, []),
        (
            {"candidate": CANDIDATE_COMPARED},
            {"route": "candidate", "version": CANDIDATE},
            [STABLE],
        ),
        (
            {"candidate": {"version": CANDIDATE, "percent": 50}},
            {"route": "candidate", "version": CANDIDATE},
            [],
        ),
        (
            {"candidate": CANDIDATE_COMPARED, "shadow": ALL},
            {"route": "candidate", "version": CANDIDATE},
            [SHADOW, STABLE],
        ),
    ],
)
def test_the_release_says_who_is_asked_as_well(
    parts: dict[str, Any], seen: dict[str, Any], asked: list[int]
) -> None:
    async def test() -> None:
        other = Other()
        copying = copies(other, release(**parts))

        show(copying, answered(1, **seen))
        await settle()

        assert [ref.version for ref, _ in other.calls] == asked
        await copying.close()

    run(test)


def test_without_a_release_nothing_is_copied() -> None:
    async def test() -> None:
        other = Other()
        copying = copies(other, None)
        show(copying, answered(1))
        await settle()
        assert other.calls == []
        await copying.close()

    run(test)


def test_copies_share_calls_up_to_so_many_rows_and_what_is_not_alike_does_not() -> None:
    async def test() -> None:
        other, is_ok = Other(), counted("ok")
        copying = copies(other, release(shadow=ALL))

        show(copying, answered(1), answered(2, 3), answered(4, 5), answered(*range(MAX_ROWS + 1)))
        show(copying, answered(6, joinable=False), answered(7, joinable=False))
        await settle()

        assert [numbers for _, numbers in other.calls] == [
            *([1, 2, 3], [4, 5], [0, 1, 2, 3, 4]),
            *([6], [7]),
        ]
        await copying.close()
        assert is_ok() == 6

    run(test)


def test_no_more_are_out_than_the_bound_and_others_are_dropped() -> None:
    async def test() -> None:
        other, is_dropped, is_ok = Other(hangs=True), counted("dropped-bound"), counted("ok")
        copying = copies(other, release(shadow=ALL))

        show(copying, *many(MOST_COPIES + 3))
        await settle()
        show(copying, *many(2))
        await settle()

        assert len(other.numbers) == MOST_COPIES
        assert is_dropped() == 5
        await copying.close()
        await settle()
        assert is_ok() == 0

    run(test)


def test_places_come_back() -> None:
    async def test() -> None:
        other, is_dropped = Other(), counted("dropped-bound")
        copying = copies(other, release(shadow=ALL))
        for _ in range(3):
            show(copying, *many(MOST_COPIES))
            await settle()
        other.error = lambda _: ModelServerUnavailable("it is away")
        for _ in range(3):
            show(copying, *many(MOST_COPIES))
            await settle()

        assert is_dropped() == 0
        await copying.close()

    run(test)


def test_large_requests_are_bounded_by_their_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadow, "_MOST_BYTES", 100)

    async def test() -> None:
        other, is_dropped = Other(), counted("dropped-bound")
        copying = copies(other, release(shadow=ALL))

        show(copying, answered(*range(10)))  # 40 bytes, and as many of its answer
        show(copying, answered(*range(10)), answered(1))
        await settle()

        assert other.numbers == [1, *range(10)] or other.numbers == [*range(10), 1]
        await copying.close()
        assert is_dropped() == 1

    run(test)


def test_copies_are_dropped_while_the_gateway_is_busy() -> None:
    async def test() -> None:
        is_busy = [True]
        other, is_dropped = Other(), counted("dropped-busy")
        copying = copies(other, release(shadow=ALL), is_busy=lambda: is_busy[0])

        show(copying, answered(1), answered(2))
        is_busy[0] = False
        show(copying, answered(3))
        await settle()

        assert other.numbers == [3]
        await copying.close()
        assert is_dropped() == 2

    run(test)


@pytest.mark.parametrize(
    "error", [ModelServerUnavailable("away"), TimeoutError(), ValueError("a defect")]
)
def test_a_version_that_fails_is_counted_and_told_of_once(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        other, is_failed = Other(error=lambda _: error), counted("failed")
        copying = copies(other, release(shadow=ALL))
        with caplog.at_level(logging.WARNING, "tfgate.releases"):
            for _ in range(3):
                show(copying, answered(1), answered(2))
                await settle()

        assert len(other.calls) == 3, "what has nothing to do with a row is not asked again"
        await copying.close()
        assert is_failed() == 6
        [line] = caplog.messages
        assert f"to {MODEL} " in line
        assert f"version {SHADOW}, the shadow" in line
        assert repr(error) in line

    run(test)


@pytest.mark.parametrize("error", [RejectedByModel("no"), PredictionFailed("NaN")])
def test_a_row_that_fails_is_no_fault_of_those_that_shared_its_call(error: Exception) -> None:
    async def test() -> None:
        other, is_ok, is_failed = Other(), counted("ok"), counted("failed")
        other.error = lambda numbers: error if 2 in numbers else None
        copying = copies(other, release(shadow=ALL))

        show(copying, *many(MAX_ROWS))
        await settle()
        await copying.close()

        assert (is_ok(), is_failed()) == (MAX_ROWS - 1, 1)
        assert {2.0} == {number for _, numbers in other.calls[-2:] for number in numbers} - {3.0}

    run(test)


def test_what_is_out_is_cancelled_at_the_end() -> None:
    async def test() -> None:
        copying = copies(Other(hangs=True), release(shadow=ALL))
        show(copying, answered(1))
        await settle()
        await copying.close()
        show(copying, answered(2))

        await copying.close()

    run(test)


def test_rows_are_compared_and_counted() -> None:
    def told(**labels: Any) -> dict[str, float]:
        names = [
            *("tfgate_compared_rows_total", "tfgate_disagreeing_rows_total"),
            *("tfgate_answer_distance_count", "tfgate_answer_distance_sum"),
        ]
        metrics.COMPARED_ROWS.labels(MODEL, *labels.values())
        metrics.DISAGREEING_ROWS.labels(MODEL, *labels.values())
        metrics.ANSWER_DISTANCE.labels(MODEL, *labels.values(), "relative-difference")
        return {name: reading(name, model=MODEL, **labels) for name in names}

    def off_by_half(inputs: Tensors) -> Tensors:
        y = 2 * inputs["x"]
        return {"y": np.where(inputs["x"] == 2, y / 2, y)}

    async def test() -> None:
        labels = {"version": str(SHADOW), "role": "shadow"}
        before = told(**labels)
        copying = copies(Other(off_by_half), release(shadow=ALL))

        show(copying, answered(1), answered(2, 3, request_id="mine"))
        await settle()

        after = told(**labels)
        assert [after[name] - before[name] for name in after] == [3, 1, 3, 0.5]
        [kept] = copying.disagreements.latest()
        assert (kept.request_id, kept.version, kept.other_version) == ("mine", STABLE, SHADOW)
        assert (kept.num_rows, kept.num_disagreeing, kept.row) == (2, 1, 0)
        assert (kept.answer, kept.other_answer) == ({"y": [4]}, {"y": [2]})
        await copying.close()

    run(test)


def test_labels_that_agree_are_counted() -> None:
    def labelled(inputs: Tensors) -> Tensors:
        return {"label": np.where(inputs["x"] == 2, 0, 1)}

    async def test() -> None:
        labels = (MODEL, str(SHADOW), "shadow")
        counters = (metrics.COMPARED_LABELS, metrics.AGREEING_LABELS)
        before = [counter.labels(*labels)._value.get() for counter in counters]
        copying = copies(Other(labelled), release(shadow=ALL))

        show(copying, *(answered(n, outputs={"label": np.array([1])}) for n in range(4)))
        await settle()

        after = [counter.labels(*labels)._value.get() for counter in counters]
        assert [now - then for now, then in zip(after, before, strict=True)] == [4, 3]
        await copying.close()

    run(test)


def test_the_guard_hears_of_what_the_candidate_answers_otherwise_and_not_of_the_shadow() -> None:
    async def test() -> None:
        running = release(candidate=CANDIDATE_COMPARED, shadow=ALL)
        copying = copies(Other(), running)
        wrong = {"y": np.array([0.0, 6.0], np.float32)}

        seen: dict[str, Any] = {"route": "candidate", "version": CANDIDATE}
        show(copying, answered(2, 3, outputs=wrong, **seen), answered(4, **seen), answered(5))
        await settle()

        side = running.judge.figures().candidate
        assert (side.compared, side.compared_rows, side.disagreeing_rows) == (2, 3, 1)
        await copying.close()

    run(test)


def test_a_shadow_is_not_held_against_the_candidate() -> None:
    async def test() -> None:
        wrong = {"y": np.zeros(1, np.float32)}
        copying = copies(Other(), release(candidate=CANDIDATE_COMPARED, shadow=ALL))

        show(copying, answered(2, route="candidate", version=CANDIDATE, outputs=wrong))
        await settle()

        assert [each.other_role for each in copying.disagreements.latest()] == ["stable"]
        await copying.close()

    run(test)


def test_the_guards_tolerance_counts() -> None:
    async def test() -> None:
        wrong = {"y": np.array([9.0], np.float32)}
        for tolerance, disagreeing in ((0.05, 1), (0.2, 0)):
            guard = {"errors": 0.01, "tolerance": tolerance}
            running = release(candidate=CANDIDATE_COMPARED, shadow=ALL, guard=guard)
            copying = copies(Other(), running)
            show(copying, answered(5, outputs=wrong))
            await settle()
            assert len(copying.disagreements.latest()) == disagreeing
            await copying.close()

    run(test)


def test_what_takes_long_to_compare_is_compared_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shadow, "_SLOW_BYTES", 0)

    async def test() -> None:
        is_ok = counted("ok")
        copying = copies(Other(), release(shadow=ALL))
        show(copying, answered(5))
        while not is_ok():
            await asyncio.sleep(0)
        await copying.close()

    run(test)


def test_a_versions_series_go_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test() -> None:
        copying = copies(Other(), release(shadow=ALL))
        show(copying, answered(5))
        await settle()
        await copying.close()

    run(test)
    assert reading("tfgate_copies_total", model=MODEL, version=str(SHADOW))
    monkeypatch.setattr(metrics, "_KEPT_SECONDS", 0)

    metrics.keep(MODEL, {STABLE})

    for name in ("tfgate_copies_total", "tfgate_compared_rows_total", "tfgate_copy_seconds_count"):
        with pytest.raises(AssertionError, match="there is no"):
            reading(name, model=MODEL, version=str(SHADOW))
