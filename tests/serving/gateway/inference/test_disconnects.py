"""A client leaves before it is answered: its work is given up, that of others is not."""

from collections.abc import Callable, Iterator

import pytest

from tests.example_bodies import HOUSE
from tests.fake_model_server import FakeModelServer
from tests.faults import Hold, hang, in_turn
from tests.in_process import Gateway, Visitor, gateway, growth, reading

LONGEST = 300  # seconds; whatever ends here was cancelled


@pytest.fixture
def tfgate() -> Iterator[Gateway]:
    """After each test nobody is inside, no call is out, and the next one is answered."""
    with gateway(predict_timeout_seconds=LONGEST, max_calls_in_flight=1) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate
        tfgate.wait_until_inside(0)
        tfgate.wait_until(lambda: reading("tfgate_calls_in_flight") == 0, "the end of all calls")
        tfgate.server.faults.clear()
        assert ask(tfgate).answer().status == 200


@pytest.fixture
def num_left() -> Callable[[], float]:
    """How many clients have left since the test began."""
    return growth("tfgate_requests_total", model="housing", outcome="client-disconnected")


def test_the_call_of_a_client_that_leaves_is_cancelled(
    tfgate: Gateway, server: FakeModelServer, num_left: Callable[[], float]
) -> None:
    server.faults["housing"] = hang
    visitor = ask(tfgate)
    tfgate.wait_for_calls(1)

    visitor.leave()

    tfgate.wait_until(lambda: server.calls[0].cancelled, "the end of the call")
    tfgate.wait_until(lambda: num_left() == 1, "a count of the client that left")


def test_rows_of_a_client_that_leaves_while_they_wait_are_never_sent(
    tfgate: Gateway, server: FakeModelServer, num_left: Callable[[], float]
) -> None:
    hold = server.faults["housing"] = Hold()
    first = ask(tfgate, median_income=1)
    tfgate.wait_for_calls(1)
    leaving, staying = ask(tfgate, median_income=2), ask(tfgate, median_income=3)
    tfgate.wait_until_inside(3)
    leaving.leave()
    tfgate.wait_until(lambda: num_left() == 1, "one client less")

    hold.release()

    assert first.answer().status == 200
    assert staying.answer().status == 200
    assert [call.column("median_income") for call in server.calls] == [[1], [3]]


def test_a_shared_call_goes_on_for_those_who_stay(
    tfgate: Gateway, server: FakeModelServer, num_left: Callable[[], float]
) -> None:
    first_hold, second_hold = Hold(), Hold()
    server.faults["housing"] = in_turn(first_hold, second_hold)
    first = ask(tfgate)
    tfgate.wait_for_calls(1)
    leaving, staying = ask(tfgate, median_income=2), ask(tfgate, median_income=3)
    tfgate.wait_until_inside(3)
    first_hold.release()
    assert first.answer().status == 200
    tfgate.wait_for_calls(2)

    leaving.leave()

    tfgate.wait_until(lambda: num_left() == 1, "one client less")
    assert not server.calls[1].ended
    second_hold.release()
    assert staying.answer().status == 200
    assert [call.num_rows for call in server.calls] == [1, 2]


def test_a_shared_call_is_cancelled_when_the_last_client_leaves(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    hold = Hold()
    server.faults["housing"] = in_turn(hold, hang)
    first = ask(tfgate)
    tfgate.wait_for_calls(1)
    both = [ask(tfgate, median_income=2), ask(tfgate, median_income=3)]
    tfgate.wait_until_inside(3)
    hold.release()
    assert first.answer().status == 200
    tfgate.wait_for_calls(2)
    assert server.calls[1].num_rows == 2

    for visitor in both:
        visitor.leave()

    tfgate.wait_until(lambda: server.calls[1].cancelled, "the end of the call")


def test_a_client_that_leaves_within_its_upload_is_counted(
    tfgate: Gateway, server: FakeModelServer, num_left: Callable[[], float]
) -> None:
    visitor = tfgate.ask("/predict/housing", HOUSE, withheld=10)
    tfgate.wait_until_inside(1)

    visitor.leave()

    tfgate.wait_until(lambda: num_left() == 1, "a count of the client that left")
    assert server.calls == []


def ask(tfgate: Gateway, **features: float) -> Visitor:
    return tfgate.ask("/predict/housing", {**HOUSE, **features})
