"""Who states how long they wait is answered by then, even by a model that hangs."""

from collections.abc import Iterator

import pytest

from tests.example_bodies import EXAMPLES
from tests.fake_model_server import FakeModelServer
from tests.faults import Hold, hang
from tests.in_process import Gateway, Visitor, gateway, reading
from tests.visitor import Answer

LONGEST = 30  # seconds that the setting allows; no test waits as long
SHORT = {"Request-Timeout": "0.2"}


@pytest.fixture
def tfgate() -> Iterator[Gateway]:
    with gateway(predict_timeout_seconds=LONGEST, max_calls_in_flight=1) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


def test_the_time_that_a_request_may_take_travels_with_its_call(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    stated: list[tuple[dict[str, str], float]] = [
        ({}, LONGEST),
        ({"Request-Timeout": "10"}, 10),
        ({"grpc-timeout": "10S"}, 10),
        ({"grpc-timeout": "10000m"}, 10),
        ({"Request-Timeout": "3600"}, LONGEST),
        ({"grpc-timeout": "1H"}, LONGEST),
    ]
    for headers, seconds in stated:
        assert ask(tfgate, "housing", headers).answer().status == 200

        timeout = server.calls[-1].timeout
        assert timeout is not None
        assert seconds / 2 < timeout <= seconds, headers


def test_a_call_that_takes_longer_is_a_504_and_is_cancelled(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.faults["housing"] = hang
    for headers in (SHORT, {"grpc-timeout": "200m"}):
        assert_too_late(ask(tfgate, "housing", headers).answer())

        tfgate.wait_until(lambda: server.calls[-1].ended, "the end of the call")

    server.faults.clear()
    assert ask(tfgate, "housing").answer().status == 200


def test_a_header_that_states_no_time_is_a_422_that_names_it(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    for header in ("Request-Timeout", "grpc-timeout"):
        for value in ("soon", "-1", "0", "1e3", ""):
            answer = ask(tfgate, "housing", {header: value}).answer()

            assert (answer.status, answer.code) == (422, "invalid-input"), (header, value)
            fields = [error["field"] for error in answer.document["errors"]]
            assert fields == [f"header.{header}"]
    assert server.calls == []


def test_who_waits_in_vain_never_reaches_the_model_server(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    hold = server.faults["housing"] = Hold()
    first = ask(tfgate, "housing")
    tfgate.wait_for_calls(1)

    assert_too_late(ask(tfgate, "housing", SHORT).answer())

    hold.release()
    assert first.answer().status == 200
    assert ask(tfgate, "housing").answer().status == 200
    assert [call.num_rows for call in server.calls] == [1, 1]


def test_a_model_that_hangs_keeps_to_deadlines_and_takes_no_other_down(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    limit = reading("tfgate_requests_limit", model="sentiment")
    server.faults["sentiment"] = hang
    hung = [ask(tfgate, "sentiment", SHORT) for _ in range(32)]
    for _ in range(3):
        assert ask(tfgate, "housing").answer().status == 200
        assert ask(tfgate, "image").answer().status == 200

    for visitor in hung:
        assert_too_late(visitor.answer())
    assert reading("tfgate_requests_limit", model="sentiment") < limit
    assert reading("tfgate_requests_limit", model="image") == limit

    server.faults.clear()
    assert ask(tfgate, "sentiment").answer().status == 200
    assert tfgate.client.get("/readyz").status_code == 200


def ask(tfgate: Gateway, model: str, headers: dict[str, str] | None = None) -> Visitor:
    return tfgate.ask(f"/predict/{model}", EXAMPLES[model], headers)


def assert_too_late(answer: Answer) -> None:
    assert (answer.status, answer.code) == (504, "deadline-exceeded")
