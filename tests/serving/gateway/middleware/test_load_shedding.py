"""More is asked than can be answered: the rest is refused at once, and nothing else suffers."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest

from serving.models import MODELS
from tests import stack
from tests.readings import reading
from tests.scripted_server import Hold, ScriptedServer
from tests.visitor import Answer, Visitor

LIMIT = 8  # of a model; the smallest that there is
BOUND = 12  # of all together
EXAMPLES: dict[str, Any] = {
    name: model.example.model_dump(mode="json") for name, model in MODELS.items()
}


@pytest.fixture(scope="module")
def url(scripted_session: ScriptedServer) -> Iterator[str]:
    settings = {
        "max_requests_per_model": str(LIMIT),
        "max_requests": str(BOUND),
        "predict_timeout_seconds": "60",
    }
    with stack.gateway(scripted_session.address, **settings) as url:
        stack.wait_until_ready(url)
        yield url


@pytest.fixture
def visitors() -> Iterator[ExitStack]:
    """Closes the connections of those who are still there."""
    with ExitStack() as visitors:
        yield visitors


def test_over_its_limit_a_model_refuses_and_the_others_do_not(
    url: str, scripted: ScriptedServer, visitors: ExitStack
) -> None:
    hold = scripted.faults["housing"] = Hold()
    inside = [visitors.enter_context(ask(url, "housing")) for _ in range(LIMIT)]
    wait_until_inside(url, LIMIT)
    before = num_shed(url, "housing", "limit")

    for _ in range(3):
        assert_refused(ask(url, "housing").answer())
    assert num_shed(url, "housing", "limit") == before + 3
    assert ask(url, "sentiment").answer().status == 200
    assert_operations_answer(url)

    hold.release()
    assert [visitor.answer().status for visitor in inside] == [200] * LIMIT
    assert ask(url, "housing").answer().status == 200


def test_over_the_bound_every_model_refuses(
    url: str, scripted: ScriptedServer, visitors: ExitStack
) -> None:
    hold = scripted.faults["housing"] = scripted.faults["sentiment"] = Hold()
    models = ["housing"] * LIMIT + ["sentiment"] * (BOUND - LIMIT)
    inside = [visitors.enter_context(ask(url, model)) for model in models]
    wait_until_inside(url, BOUND)
    before = num_shed(url, "image", "bound")

    assert_refused(ask(url, "image").answer())
    assert num_shed(url, "image", "bound") == before + 1
    assert_operations_answer(url)

    hold.release()
    assert [visitor.answer().status for visitor in inside] == [200] * BOUND
    assert ask(url, "image").answer().status == 200


def test_the_refused_are_told_before_they_have_sent_their_body(
    url: str, scripted: ScriptedServer, visitors: ExitStack
) -> None:
    hold = scripted.faults["housing"] = Hold()
    inside = [visitors.enter_context(ask(url, "housing")) for _ in range(LIMIT)]
    wait_until_inside(url, LIMIT)

    assert_refused(ask(url, "housing", withheld=10).answer())

    hold.release()
    assert [visitor.answer().status for visitor in inside] == [200] * LIMIT


def test_slow_uploads_take_no_place_of_their_model(url: str, visitors: ExitStack) -> None:
    slow = [visitors.enter_context(ask(url, "housing", withheld=10)) for _ in range(LIMIT)]
    wait_until_inside(url, LIMIT)

    assert ask(url, "housing").answer().status == 200

    for visitor in slow:
        visitor.finish()
    assert [visitor.answer().status for visitor in slow] == [200] * LIMIT


def test_slow_uploads_count_for_the_bound(url: str, visitors: ExitStack) -> None:
    slow = [visitors.enter_context(ask(url, "housing", withheld=10)) for _ in range(BOUND)]
    wait_until_inside(url, BOUND)

    assert_refused(ask(url, "image").answer())

    for visitor in slow:
        visitor.leave()
    wait_until_inside(url, 0)


def test_an_upload_that_never_ends_is_a_408_at_its_deadline(url: str) -> None:
    answer = ask(url, "housing", {"Request-Timeout": "0.2"}, withheld=10).answer()

    assert (answer.status, answer.code) == (408, "request-timeout")
    assert "0.2 seconds" in answer.document["detail"]
    wait_until_inside(url, 0)


def ask(
    url: str, model: str, headers: dict[str, str] | None = None, *, withheld: int = 0
) -> Visitor:
    return Visitor(url, f"/predict/{model}", EXAMPLES[model], headers, withheld=withheld)


def wait_until_inside(url: str, number: int) -> None:
    what = f"{number} requests in progress"
    stack.wait_until(lambda: reading(url, "tfgate_requests_in_flight") == number, what)


def num_shed(url: str, model: str, reason: str) -> float:
    return reading(url, "tfgate_requests_shed_total", model=model, reason=reason)


def assert_refused(answer: Answer) -> None:
    assert (answer.status, answer.code) == (429, "overloaded")
    assert int(answer.headers["Retry-After"]) >= 1


def assert_operations_answer(url: str) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/models"):
        assert httpx.get(f"{url}{path}").status_code == 200, path
