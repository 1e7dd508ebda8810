"""More is asked than can be answered: the rest is refused at once, and nothing else suffers."""

from collections.abc import Iterator

import pytest

from tests.example_bodies import EXAMPLES
from tests.faults import Hold
from tests.in_process import Gateway, Visitor, gateway, growth
from tests.visitor import Answer

LIMIT = 8  # of a model; the smallest that there is
BOUND = 12  # of all together


@pytest.fixture
def tfgate() -> Iterator[Gateway]:
    with gateway(max_requests_per_model=LIMIT, max_requests=BOUND) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


def test_over_its_limit_a_model_refuses_and_the_others_do_not(tfgate: Gateway) -> None:
    hold = tfgate.server.faults["housing"] = Hold()
    inside = [ask(tfgate, "housing") for _ in range(LIMIT)]
    tfgate.wait_until_inside(LIMIT)
    shed = growth("tfgate_requests_shed_total", model="housing", reason="limit")

    for _ in range(3):
        assert_refused(ask(tfgate, "housing").answer())
    assert shed() == 3
    assert ask(tfgate, "sentiment").answer().status == 200
    assert_operations_answer(tfgate)

    hold.release()
    assert [visitor.answer().status for visitor in inside] == [200] * LIMIT
    assert ask(tfgate, "housing").answer().status == 200


def test_over_the_bound_every_model_refuses(tfgate: Gateway) -> None:
    hold = tfgate.server.faults["housing"] = tfgate.server.faults["sentiment"] = Hold()
    models = ["housing"] * LIMIT + ["sentiment"] * (BOUND - LIMIT)
    inside = [ask(tfgate, model) for model in models]
    tfgate.wait_until_inside(BOUND)
    shed = growth("tfgate_requests_shed_total", model="image", reason="bound")

    assert_refused(ask(tfgate, "image").answer())
    assert shed() == 1
    assert_operations_answer(tfgate)

    hold.release()
    assert [visitor.answer().status for visitor in inside] == [200] * BOUND
    assert ask(tfgate, "image").answer().status == 200


def test_the_refused_are_told_before_they_have_sent_their_body(tfgate: Gateway) -> None:
    hold = tfgate.server.faults["housing"] = Hold()
    inside = [ask(tfgate, "housing") for _ in range(LIMIT)]
    tfgate.wait_until_inside(LIMIT)

    assert_refused(ask(tfgate, "housing", withheld=10).answer())

    hold.release()
    assert [visitor.answer().status for visitor in inside] == [200] * LIMIT


def test_slow_uploads_take_no_place_of_their_model(tfgate: Gateway) -> None:
    slow = [ask(tfgate, "housing", withheld=10) for _ in range(LIMIT)]
    tfgate.wait_until_inside(LIMIT)

    assert ask(tfgate, "housing").answer().status == 200

    for visitor in slow:
        visitor.finish()
    assert [visitor.answer().status for visitor in slow] == [200] * LIMIT


def test_slow_uploads_count_for_the_bound(tfgate: Gateway) -> None:
    slow = [ask(tfgate, "housing", withheld=10) for _ in range(BOUND)]
    tfgate.wait_until_inside(BOUND)

    assert_refused(ask(tfgate, "image").answer())

    for visitor in slow:
        visitor.leave()
    tfgate.wait_until_inside(0)


def test_an_upload_that_never_ends_is_a_408_at_its_deadline(tfgate: Gateway) -> None:
    answer = ask(tfgate, "housing", {"Request-Timeout": "0.2"}, withheld=10).answer()

    assert (answer.status, answer.code) == (408, "request-timeout")
    assert "0.2 seconds" in answer.document["detail"]
    tfgate.wait_until_inside(0)


def ask(
    tfgate: Gateway, model: str, headers: dict[str, str] | None = None, *, withheld: int = 0
) -> Visitor:
    return tfgate.ask(f"/predict/{model}", EXAMPLES[model], headers, withheld=withheld)


def assert_refused(answer: Answer) -> None:
    assert (answer.status, answer.code) == (429, "overloaded")
    assert int(answer.headers["Retry-After"]) >= 1


def assert_operations_answer(tfgate: Gateway) -> None:
    for path in ("/healthz", "/readyz", "/readyz/image", "/metrics", "/models"):
        assert tfgate.client.get(path).status_code == 200, path
