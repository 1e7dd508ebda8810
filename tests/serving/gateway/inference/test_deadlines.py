"""Who states how long they wait is answered by then, even by a model that hangs."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from serving.models import MODELS
from tests import stack
from tests.readings import reading
from tests.scripted_server import Hold, ScriptedServer, hang
from tests.visitor import Answer, Visitor

LONGEST = 30  # seconds that the setting allows; no test waits as long
SLACK = 0.1  # seconds by which gRPC rounds a deadline up
EXAMPLES: dict[str, Any] = {
    name: model.example.model_dump(mode="json") for name, model in MODELS.items()
}


@pytest.fixture(scope="module")
def url(scripted_session: ScriptedServer) -> Iterator[str]:
    settings = {"predict_timeout_seconds": str(LONGEST), "max_calls_in_flight": "1"}
    with stack.gateway(scripted_session.address, **settings) as url:
        stack.wait_until_ready(url)
        yield url


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, LONGEST),
        ({"Request-Timeout": "10"}, 10),
        ({"grpc-timeout": "10S"}, 10),
        ({"grpc-timeout": "10000m"}, 10),
        ({"Request-Timeout": "3600"}, LONGEST),
        ({"grpc-timeout": "1H"}, LONGEST),
    ],
)
def test_the_time_that_a_request_may_take_travels_with_its_call(
    url: str, scripted: ScriptedServer, headers: dict[str, str], seconds: float
) -> None:
    assert ask(url, "housing", headers).answer().status == 200

    (call,) = scripted.calls
    assert call.time_remaining is not None
    assert seconds / 2 < call.time_remaining <= seconds + SLACK


@pytest.mark.parametrize("headers", [{"Request-Timeout": "0.2"}, {"grpc-timeout": "200m"}])
def test_a_call_that_takes_longer_is_a_504_and_is_cancelled(
    url: str, scripted: ScriptedServer, headers: dict[str, str]
) -> None:
    scripted.faults["housing"] = hang

    assert_too_late(ask(url, "housing", headers).answer())

    (call,) = scripted.calls
    assert call.ended.wait(stack.STOP_SECONDS)
    scripted.forget()
    assert ask(url, "housing").answer().status == 200


@pytest.mark.parametrize("value", ["soon", "-1", "0", "1e3", ""])
@pytest.mark.parametrize("header", ["Request-Timeout", "grpc-timeout"])
def test_a_header_that_states_no_time_is_a_422_that_names_it(
    url: str, scripted: ScriptedServer, header: str, value: str
) -> None:
    answer = ask(url, "housing", {header: value}).answer()

    assert (answer.status, answer.code) == (422, "invalid-input")
    assert [error["field"] for error in answer.document["errors"]] == [f"header.{header}"]
    assert scripted.calls == []


def test_who_waits_in_vain_never_reaches_the_model_server(
    url: str, scripted: ScriptedServer
) -> None:
    hold = scripted.faults["housing"] = Hold()
    with ask(url, "housing") as first:
        stack.wait_until(lambda: len(scripted.calls) == 1, "the first call")

        assert_too_late(ask(url, "housing", {"Request-Timeout": "0.2"}).answer())

        hold.release()
        assert first.answer().status == 200
    assert ask(url, "housing").answer().status == 200
    assert [call.num_rows for call in scripted.calls] == [1, 1]


def test_a_model_that_hangs_keeps_to_deadlines_and_takes_no_other_down(
    url: str, scripted: ScriptedServer
) -> None:
    limit = reading(url, "tfgate_requests_limit", model="sentiment")
    scripted.faults["sentiment"] = hang
    hung = [ask(url, "sentiment", {"Request-Timeout": "0.5"}) for _ in range(32)]
    for _ in range(3):
        assert ask(url, "housing").answer().status == 200
        assert ask(url, "image").answer().status == 200

    for visitor in hung:
        assert_too_late(visitor.answer())
    assert reading(url, "tfgate_requests_limit", model="sentiment") < limit
    assert reading(url, "tfgate_requests_limit", model="image") == limit

    scripted.forget()
    stack.wait_until(lambda: ask(url, "sentiment").answer().status == 200, "an answer again")
    assert httpx.get(f"{url}/readyz").status_code == 200


def ask(url: str, model: str, headers: dict[str, str] | None = None) -> Visitor:
    return Visitor(url, f"/predict/{model}", EXAMPLES[model], headers)


def assert_too_late(answer: Answer) -> None:
    assert (answer.status, answer.code) == (504, "deadline-exceeded")
