"""What is asked a second time: the neighbours of a row that fails, and a version that has gone."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import grpc
import pytest

from serving.models import MODELS
from tests import stack
from tests.readings import reading
from tests.scripted_server import (
    Fault,
    Hold,
    PredictCall,
    ScriptedServer,
    drop_outputs,
    fail,
    if_inside,
    in_turn,
    lose_a_row,
    nan_outputs,
)
from tests.visitor import Answer, Visitor

HOUSE: dict[str, Any] = MODELS["housing"].example.model_dump(mode="json")
HOUSES = [{**HOUSE, "median_income": 1 + number / 4} for number in range(20)]
POISONED = 7
ROWS_ARE_TO_BLAME: list[tuple[Fault, int, str]] = [
    (fail(grpc.StatusCode.INVALID_ARGUMENT), 500, "internal-error"),
    (fail(grpc.StatusCode.FAILED_PRECONDITION), 502, "prediction-failed"),
    (fail(grpc.StatusCode.OUT_OF_RANGE), 502, "prediction-failed"),
    (fail(grpc.StatusCode.INTERNAL), 502, "prediction-failed"),
    (nan_outputs, 502, "prediction-failed"),
    (drop_outputs, 502, "prediction-failed"),
    (lose_a_row, 502, "prediction-failed"),
]
ROWS_ARE_INNOCENT = [
    (grpc.StatusCode.RESOURCE_EXHAUSTED, 429, "overloaded"),
    (grpc.StatusCode.UNKNOWN, 502, "model-server-failure"),
    (grpc.StatusCode.UNIMPLEMENTED, 502, "model-server-failure"),
    (grpc.StatusCode.ABORTED, 503, "model-server-unavailable"),
]


@pytest.fixture(scope="module")
def url(scripted_session: ScriptedServer) -> Iterator[str]:
    settings = {"predict_timeout_seconds": "60", "max_calls_in_flight": "1"}
    with stack.gateway(scripted_session.address, **settings) as url:
        stack.wait_until_ready(url)
        yield url


@pytest.fixture(scope="module")
def prices(url: str) -> list[float]:
    """What each house costs when it is asked for alone."""
    prices = [price(ask(url, house).answer()) for house in HOUSES]
    assert len(set(prices)) == len(prices), "a mix-up would not be noticed"
    return prices


@pytest.mark.parametrize(("fault", "status", "code"), ROWS_ARE_TO_BLAME)
def test_one_row_that_fails_costs_its_neighbours_nothing(
    url: str, scripted: ScriptedServer, prices: list[float], fault: Fault, status: int, code: str
) -> None:
    poison = if_inside("median_income", HOUSES[POISONED]["median_income"], fault)
    before = num_asked_again(url, "alone")

    answers = ask_together(url, scripted, poison)

    assert (answers[POISONED].status, answers[POISONED].code) == (status, code)
    for index in set(range(len(HOUSES))) - {POISONED}:
        assert price(answers[index]) == pytest.approx(prices[index], rel=1e-5)
    assert [call.num_rows for call in scripted.calls] == [1, 20, *[1] * 20]
    assert num_asked_again(url, "alone") == before + 20


@pytest.mark.parametrize(("status_code", "status", "code"), ROWS_ARE_INNOCENT)
def test_a_failure_that_no_row_can_cause_is_everybodys_at_once(
    url: str, scripted: ScriptedServer, status_code: Any, status: int, code: str
) -> None:
    before = num_asked_again(url, "alone")

    answers = ask_together(url, scripted, fail(status_code))

    assert {(answer.status, answer.code) for answer in answers} == {(status, code)}
    assert [call.num_rows for call in scripted.calls] == [1, 20]
    assert num_asked_again(url, "alone") == before


def test_a_batch_that_fails_alone_is_not_asked_again(url: str, scripted: ScriptedServer) -> None:
    scripted.faults["housing"] = fail(grpc.StatusCode.INTERNAL)

    answer = Visitor(url, "/predict/housing/batch", {"instances": HOUSES}).answer()

    assert (answer.status, answer.code) == (502, "prediction-failed")
    assert [call.num_rows for call in scripted.calls] == [len(HOUSES)]


def test_who_pins_no_version_does_not_notice_that_one_has_gone(
    url: str, scripted: ScriptedServer, prices: list[float]
) -> None:
    scripted.faults["housing"] = in_turn(gone(), PredictCall.forward)
    before = num_asked_again(url, "version-gone")

    assert price(ask(url, HOUSES[0]).answer()) == pytest.approx(prices[0], rel=1e-5)

    assert len(scripted.calls) == 2
    assert num_asked_again(url, "version-gone") == before + 1


def test_a_model_that_has_gone_for_good_is_asked_twice_and_no_more(
    url: str, scripted: ScriptedServer
) -> None:
    scripted.faults["housing"] = gone()

    answer = ask(url, HOUSE).answer()

    assert (answer.status, answer.code) == (503, "model-unavailable")
    assert len(scripted.calls) == 2


def test_who_pins_a_version_is_told_that_it_has_gone(url: str, scripted: ScriptedServer) -> None:
    scripted.faults["housing"] = in_turn(gone(), PredictCall.forward)
    before = num_asked_again(url, "version-gone")

    answer = Visitor(url, "/predict/housing?version=1", HOUSE).answer()

    assert (answer.status, answer.code) == (404, "unknown-version")
    assert len(scripted.calls) == 1
    assert num_asked_again(url, "version-gone") == before


def ask(url: str, house: dict[str, Any]) -> Visitor:
    return Visitor(url, "/predict/housing", house)


def ask_together(url: str, scripted: ScriptedServer, fault: Fault) -> list[Answer]:
    """Ask for all houses in one call, by keeping the one before it back until they have come."""
    hold = Hold()
    scripted.faults["housing"] = in_turn(hold, fault)
    with ExitStack() as visitors:
        first = visitors.enter_context(ask(url, HOUSE))
        stack.wait_until(lambda: len(scripted.calls) == 1, "the first call")
        together = [visitors.enter_context(ask(url, house)) for house in HOUSES]
        num_inside = 1 + len(together)
        stack.wait_until(
            lambda: reading(url, "tfgate_requests_in_flight") == num_inside, "all requests"
        )
        hold.release()
        assert first.answer().status == 200
        return [visitor.answer() for visitor in together]


def gone() -> Fault:
    return fail(grpc.StatusCode.NOT_FOUND, "Servable not found for request")


def num_asked_again(url: str, reason: str) -> float:
    return reading(url, "tfgate_retries_total", model="housing", reason=reason)


def price(answer: Answer) -> float:
    assert answer.status == 200, answer.document
    price: float = answer.document["prediction"]["price_usd"]
    return price
