"""What is asked a second time: the neighbours of a row that fails, and a version that has gone."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from tests.example_bodies import HOUSE
from tests.fake_model_server import FakeModelServer, Fault
from tests.faults import (
    Hold,
    answer,
    drop_outputs,
    fail,
    garbage,
    if_inside,
    in_turn,
    lose_a_row,
    nan_outputs,
)
from tests.in_process import Gateway, Visitor, gateway, growth
from tests.visitor import Answer

HOUSES = [{**HOUSE, "median_income": 1 + number / 4} for number in range(20)]
POISONED = 7
ROWS_ARE_TO_BLAME: dict[str, tuple[Fault, int, str]] = {
    "INVALID_ARGUMENT": (fail(grpc.StatusCode.INVALID_ARGUMENT), 500, "internal-error"),
    "FAILED_PRECONDITION": (fail(grpc.StatusCode.FAILED_PRECONDITION), 502, "prediction-failed"),
    "OUT_OF_RANGE": (fail(grpc.StatusCode.OUT_OF_RANGE), 502, "prediction-failed"),
    "INTERNAL": (fail(grpc.StatusCode.INTERNAL), 502, "prediction-failed"),
    "NaN": (nan_outputs, 502, "prediction-failed"),
    "no outputs": (drop_outputs, 502, "prediction-failed"),
    "a row too few": (lose_a_row, 502, "prediction-failed"),
}
ROWS_ARE_INNOCENT: dict[str, tuple[Fault, int, str]] = {
    "RESOURCE_EXHAUSTED": (fail(grpc.StatusCode.RESOURCE_EXHAUSTED), 429, "overloaded"),
    "UNKNOWN": (fail(grpc.StatusCode.UNKNOWN), 502, "model-server-failure"),
    "UNIMPLEMENTED": (fail(grpc.StatusCode.UNIMPLEMENTED), 502, "model-server-failure"),
    "ABORTED": (fail(grpc.StatusCode.ABORTED), 503, "model-server-unavailable"),
    "garbage": (garbage, 502, "model-server-failure"),
}


@pytest.fixture
def tfgate() -> Iterator[Gateway]:
    with gateway(max_calls_in_flight=1) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


@pytest.mark.parametrize("fault", ROWS_ARE_TO_BLAME)
def test_one_row_that_fails_costs_its_neighbours_nothing(
    tfgate: Gateway, server: FakeModelServer, fault: str
) -> None:
    happens, status, code = ROWS_ARE_TO_BLAME[fault]
    prices = [price(ask(tfgate, house).answer()) for house in HOUSES]
    assert len(set(prices)) == len(prices), "a mix-up would not be noticed"
    server.calls.clear()
    poison = if_inside("median_income", HOUSES[POISONED]["median_income"], happens)
    asked_again = growth("tfgate_retries_total", model="housing", reason="alone")

    answers = ask_together(tfgate, poison)

    assert (answers[POISONED].status, answers[POISONED].code) == (status, code)
    for index in set(range(len(HOUSES))) - {POISONED}:
        assert price(answers[index]) == prices[index]
    assert [call.num_rows for call in server.calls] == [1, 20, *[1] * 20]
    assert asked_again() == 20


@pytest.mark.parametrize("fault", ROWS_ARE_INNOCENT)
def test_a_failure_that_no_row_can_cause_is_everybodys_at_once(
    tfgate: Gateway, server: FakeModelServer, fault: str
) -> None:
    happens, status, code = ROWS_ARE_INNOCENT[fault]
    asked_again = growth("tfgate_retries_total", model="housing", reason="alone")

    answers = ask_together(tfgate, happens)

    assert {(answer.status, answer.code) for answer in answers} == {(status, code)}
    assert [call.num_rows for call in server.calls] == [1, 20]
    assert asked_again() == 0


def test_a_batch_that_fails_alone_is_not_asked_again(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.faults["housing"] = fail(grpc.StatusCode.INTERNAL)

    failed = tfgate.ask("/predict/housing/batch", {"instances": HOUSES}).answer()

    assert (failed.status, failed.code) == (502, "prediction-failed")
    assert [call.num_rows for call in server.calls] == [len(HOUSES)]


def test_who_pins_no_version_does_not_notice_that_one_has_gone(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.faults["housing"] = in_turn(gone(), answer)
    asked_again = growth("tfgate_retries_total", model="housing", reason="version-gone")

    assert ask(tfgate, HOUSE).answer().status == 200

    assert len(server.calls) == 2
    assert asked_again() == 1


def test_a_model_that_has_gone_for_good_is_asked_twice_and_no_more(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.faults["housing"] = gone()

    failed = ask(tfgate, HOUSE).answer()

    assert (failed.status, failed.code) == (503, "model-unavailable")
    assert len(server.calls) == 2


def test_who_pins_a_version_is_told_that_it_has_gone(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.faults["housing"] = in_turn(gone(), answer)
    asked_again = growth("tfgate_retries_total", model="housing", reason="version-gone")

    failed = tfgate.ask("/predict/housing?version=1", HOUSE).answer()

    assert (failed.status, failed.code) == (404, "unknown-version")
    assert len(server.calls) == 1
    assert asked_again() == 0


def ask(tfgate: Gateway, house: dict[str, Any]) -> Visitor:
    return tfgate.ask("/predict/housing", house)


def ask_together(tfgate: Gateway, fault: Fault) -> list[Answer]:
    """Ask for all houses in one call, by keeping the one before it back until they have come."""
    hold = Hold()
    tfgate.server.faults["housing"] = in_turn(hold, fault)
    first = ask(tfgate, HOUSE)
    tfgate.wait_for_calls(1)
    together = [ask(tfgate, house) for house in HOUSES]
    tfgate.wait_until_inside(1 + len(together))
    hold.release()
    assert first.answer().status == 200
    return [visitor.answer() for visitor in together]


def gone() -> Fault:
    return fail(grpc.StatusCode.NOT_FOUND, "Servable not found for request")


def price(answer: Answer) -> float:
    assert answer.status == 200, answer.document
    price: float = answer.document["prediction"]["price_usd"]
    return price
