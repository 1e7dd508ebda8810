"""In every dialect: a shadow is asked what was answered, after it was, and nobody can tell."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from proto.predict_pb2 import PredictResponse
from serving.gateway.inference import spare_time
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.releases import shadow
from serving.gateway.telemetry import metrics
from tests.example_bodies import HOUSE
from tests.fake_model_server import PredictCall
from tests.faults import Hold
from tests.in_process import Gateway, gateway, growth
from tests.serving.gateway.releases.asking import (
    ASKS,
    MODEL,
    ask,
    key_at,
    release,
    served,
    write,
)

SHADOW, LABELS = 3, {"model": MODEL, "version": "3", "role": "shadow"}
# Passed on as it came: the gateway has read no tensors that it could ask another version for.
RELAYED = {name for name in ASKS if any(each in name.lower() for each in ("brackets", "classify"))}
RELAYED |= {name for name in ASKS if any(each in name.lower() for each in ("regress", "multi"))}
READ = sorted(ASKS.keys() - RELAYED)


def with_shadow(percent: float = 100) -> str:
    return release(1, more=f"[models.{MODEL}.shadow]\nversion = {SHADOW}\npercent = {percent}")


@pytest.fixture(autouse=True)
def _with_time_to_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is a reason to drop copies, and not what is tested here."""
    monkeypatch.setattr(spare_time, "BUSY_SHARE", float("inf"))
    monkeypatch.setattr(shadow, "GATHER_SECONDS", 0)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Gateway]]:
    """Version 1 is stable: with version 3 as its shadow, and without."""
    with ExitStack() as stack:
        found = []
        for text in (with_shadow(), release(1)):
            file = write(tmp_path_factory.mktemp("releases"), text)
            tfgate = stack.enter_context(gateway(served(1, 2, SHADOW), releases=file))
            tfgate.wait_until_ready()
            found.append(tfgate)
        yield found[0], found[1]


@pytest.fixture
def shadowed(both: tuple[Gateway, Gateway]) -> Gateway:
    """The one with a shadow; nobody has asked it yet, and what it counts has its series."""
    for outcome in metrics.COPY_OUTCOMES:
        metrics.COPIES.labels(*LABELS.values(), outcome)
    tfgate, _ = both
    tfgate.server.calls.clear()
    return tfgate


def versions(tfgate: Gateway) -> list[int]:
    return [each.request.model_spec.version.value for each in tfgate.server.calls]


def has_copies(tfgate: Gateway, number: int) -> bool:
    return versions(tfgate).count(SHADOW) == number


@pytest.mark.parametrize("how", READ)
def test_the_shadow_is_asked_the_same_after_the_answer(shadowed: Gateway, how: str) -> None:
    _ = metrics.SERIES[MODEL, 1]
    answered = growth("tfgate_requests_total", model=MODEL, version="1", outcome="ok")
    answered_by_then = []

    async def look(call: PredictCall) -> PredictResponse:
        answered_by_then.append(answered())
        return call.answer()

    shadowed.server.faults[MODEL] = look
    told = ask(shadowed, how)
    shadowed.wait_for_calls(2)
    shadowed.server.faults.clear()

    assert (told.version, told.route) == (1, "stable")
    assert versions(shadowed) == [1, SHADOW]
    assert answered_by_then == [0, 1], "it has left when it is counted"
    first, copy = shadowed.server.calls
    assert copy.request.inputs == first.request.inputs


@pytest.mark.parametrize("how", READ)
def test_answers_are_the_same_bytes_with_a_shadow(both: tuple[Gateway, Gateway], how: str) -> None:
    bodies: list[bytes] = []
    told = []
    for tfgate in both:
        tfgate.client.event_hooks["response"] = [lambda each: bodies.append(each.read())]
        told.append(ASKS[how](tfgate, ModelRef(MODEL), {"X-Request-Id": "the-same"}))
        tfgate.client.event_hooks["response"] = []

    assert told[0] == told[1]
    assert len(set(bodies)) == (0 if "grpc" in how else 1)


@pytest.mark.parametrize("how", sorted(RELAYED))
def test_what_is_passed_on_as_it_came_is_not_copied(shadowed: Gateway, how: str) -> None:
    ask(shadowed, how)
    num_calls = len(shadowed.server.calls)

    ask(shadowed)
    shadowed.wait_for_calls(num_calls + 2)

    assert versions(shadowed).count(SHADOW) == 1


def test_what_names_its_version_is_not_copied(shadowed: Gateway) -> None:
    ask(shadowed, ref=ModelRef(MODEL, 1))
    ask(shadowed, ref=ModelRef(MODEL, 2))
    ask(shadowed)
    shadowed.wait_for_calls(4)

    assert versions(shadowed) == [1, 2, 1, SHADOW]


def test_what_it_answers_otherwise_is_counted(shadowed: Gateway) -> None:
    metrics.DISAGREEING_ROWS.labels(*LABELS.values())
    disagreeing = growth("tfgate_disagreeing_rows_total", **LABELS)

    ask(shadowed, "typed batch")
    shadowed.wait_until(lambda: disagreeing() >= 3, "the comparison of all rows")


def test_a_shadow_that_hangs_or_fails_costs_the_callers_nothing(shadowed: Gateway) -> None:
    failed = growth("tfgate_copies_total", **LABELS, outcome="failed")
    limit = growth("tfgate_requests_limit", model=MODEL)
    hold = Hold()

    async def hang(call: PredictCall) -> PredictResponse | bytes:
        is_copy = call.request.model_spec.version.value == SHADOW
        return await hold(call) if is_copy else call.answer()

    shadowed.server.faults[MODEL] = hang
    for number in range(1, 4):
        assert ask(shadowed).version == 1
        shadowed.wait_until(partial(has_copies, shadowed, min(number, 2)), "the copy")
    assert limit() == 0

    hold.release()
    gone = shadowed.server.models[MODEL].pop(SHADOW)
    ask(shadowed)
    shadowed.wait_until(lambda: failed() >= 1, "the copy that failed")
    assert limit() == 0
    assert ask(shadowed).version == 1
    shadowed.server.models[MODEL][SHADOW] = gone


def test_copies_are_the_first_that_is_dropped(tmp_path: Path) -> None:
    for outcome in metrics.COPY_OUTCOMES:
        metrics.COPIES.labels(*LABELS.values(), outcome)
    file = write(tmp_path, with_shadow())
    with gateway(
        served(1, SHADOW), releases=file, max_requests_per_model=8, max_calls_in_flight=8
    ) as tfgate:
        tfgate.wait_until_ready()
        hold = tfgate.server.faults[MODEL] = Hold()
        dropped = growth("tfgate_copies_total", **LABELS, outcome="dropped-busy")
        shed = growth("tfgate_requests_shed_total", model=MODEL)

        visitors = [tfgate.ask(f"/predict/{MODEL}", HOUSE) for _ in range(8)]
        tfgate.wait_until_inside(8)
        hold.release()
        answers = [each.answer() for each in visitors]
        tfgate.wait_until(lambda: dropped() > 0, "the first that is dropped")

        assert [each.status for each in answers] == [200] * 8
        assert shed() == 0


def test_stable_is_asked_what_the_candidate_has_answered(tmp_path: Path) -> None:
    labels = {"model": MODEL, "version": "2", "role": "candidate"}
    metrics.COMPARED_ROWS.labels(*labels.values())
    compared = growth("tfgate_compared_rows_total", **labels)
    file = write(tmp_path, release(1, 2, more="compare = 100"))
    with gateway(served(1, 2), releases=file) as tfgate:
        tfgate.wait_until_ready()
        inside: Any = {"key": key_at(0, 0.1)}
        tfgate.wait_until(lambda: ask(tfgate, **inside).route == "candidate", "the candidate")
        tfgate.wait_until(lambda: compared() >= 1, "the comparison")

        assert versions(tfgate)[-2:] == [2, 1]
