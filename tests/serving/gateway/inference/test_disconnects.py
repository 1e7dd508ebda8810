"""A client leaves before it is answered: its work is given up, that of others is not."""

from collections.abc import Iterator
from typing import Any

import pytest

from serving.models import MODELS
from tests import stack
from tests.readings import reading
from tests.scripted_server import Hold, ScriptedServer, hang, in_turn
from tests.visitor import Visitor

LONGEST = 60  # seconds; whatever ends much sooner was cancelled
HOUSE: dict[str, Any] = MODELS["housing"].example.model_dump(mode="json")


@pytest.fixture(scope="module")
def url(scripted_session: ScriptedServer) -> Iterator[str]:
    settings = {"predict_timeout_seconds": str(LONGEST), "max_calls_in_flight": "1"}
    with stack.gateway(scripted_session.address, **settings) as url:
        stack.wait_until_ready(url)
        yield url


@pytest.fixture(autouse=True)
def _nothing_is_left(url: str) -> Iterator[None]:
    """After each test nobody is inside, no call is out, and the next one is answered."""
    yield
    wait_until_inside(url, 0)
    stack.wait_until(lambda: reading(url, "tfgate_calls_in_flight") == 0, "the end of all calls")
    assert ask(url).answer().status == 200


def test_the_call_of_a_client_that_leaves_is_cancelled(url: str, scripted: ScriptedServer) -> None:
    scripted.faults["housing"] = hang
    before = num_left(url)
    with ask(url) as visitor:
        wait_for_calls(scripted, 1)
        visitor.leave()

    assert was_cancelled(scripted, 0)
    stack.wait_until(lambda: num_left(url) == before + 1, "a count of the client that left")


def test_rows_of_a_client_that_leaves_while_they_wait_are_never_sent(
    url: str, scripted: ScriptedServer
) -> None:
    hold = scripted.faults["housing"] = Hold()
    before = num_left(url)
    with ask(url, median_income=1) as first:
        wait_for_calls(scripted, 1)
        with ask(url, median_income=2) as leaving, ask(url, median_income=3) as staying:
            wait_until_inside(url, 3)
            leaving.leave()
            stack.wait_until(lambda: num_left(url) == before + 1, "one client less")

            hold.release()
            assert first.answer().status == 200
            assert staying.answer().status == 200

    assert [call.column("median_income") for call in scripted.calls] == [[1], [3]]


def test_a_shared_call_goes_on_for_those_who_stay(url: str, scripted: ScriptedServer) -> None:
    first_hold, second_hold = Hold(), Hold()
    scripted.faults["housing"] = in_turn(first_hold, second_hold)
    before = num_left(url)
    with ask(url) as first:
        wait_for_calls(scripted, 1)
        with ask(url, median_income=2) as leaving, ask(url, median_income=3) as staying:
            wait_until_inside(url, 3)
            first_hold.release()
            assert first.answer().status == 200
            wait_for_calls(scripted, 2)

            leaving.leave()
            stack.wait_until(lambda: num_left(url) == before + 1, "one client less")
            assert not scripted.calls[1].ended.is_set()
            second_hold.release()
            assert staying.answer().status == 200

    assert [call.num_rows for call in scripted.calls] == [1, 2]


def test_a_shared_call_is_cancelled_when_the_last_client_leaves(
    url: str, scripted: ScriptedServer
) -> None:
    hold = Hold()
    scripted.faults["housing"] = in_turn(hold, hang)
    with ask(url) as first:
        wait_for_calls(scripted, 1)
        with ask(url, median_income=2), ask(url, median_income=3):
            wait_until_inside(url, 3)
            hold.release()
            assert first.answer().status == 200
            wait_for_calls(scripted, 2)
            assert scripted.calls[1].num_rows == 2

    assert was_cancelled(scripted, 1)


def test_a_client_that_leaves_within_its_upload_is_counted(
    url: str, scripted: ScriptedServer
) -> None:
    before = num_left(url)
    with Visitor(url, "/predict/housing", HOUSE, withheld=10):
        wait_until_inside(url, 1)

    stack.wait_until(lambda: num_left(url) == before + 1, "a count of the client that left")
    assert scripted.calls == []


def ask(url: str, **features: float) -> Visitor:
    return Visitor(url, "/predict/housing", {**HOUSE, **features})


def num_left(url: str) -> float:
    return reading(url, "tfgate_requests_total", model="housing", outcome="client-disconnected")


def wait_until_inside(url: str, number: int) -> None:
    what = f"{number} requests in progress"
    stack.wait_until(lambda: reading(url, "tfgate_requests_in_flight") == number, what)


def wait_for_calls(scripted: ScriptedServer, number: int) -> None:
    stack.wait_until(lambda: len(scripted.calls) == number, f"call {number}")


def was_cancelled(scripted: ScriptedServer, index: int) -> bool:
    """Tell whether a call was ended by its caller, long before its deadline."""
    call = scripted.calls[index]
    assert call.ended.wait(stack.STOP_SECONDS), "the call goes on"
    return call.left is not None and call.left > LONGEST / 4
