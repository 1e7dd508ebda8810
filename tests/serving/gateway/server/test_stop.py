"""How a gateway stops, alone or with several workers: first not ready, then gone."""

import json
import signal
from http.client import HTTPConnection, HTTPResponse

import httpx
import pytest

from tests import stack
from tests.examples import HOUSE
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.readings import reading
from tests.visitor import Visitor

ENDLESS = "300"
pytestmark = pytest.mark.parametrize("workers", ["1", "2"])


def test_sigterm_refuses_readiness_and_still_answers_everything(workers: str) -> None:
    with stack.gateway_process(workers=workers, drain_seconds=ENDLESS) as (running, url):
        assert problem_code(url) == "model-unavailable"

        running.send_signal(signal.SIGTERM)

        stack.wait_until(lambda: is_draining(url), "draining")
        assert httpx.get(f"{url}/readyz").status_code == 503
        assert httpx.get(f"{url}/healthz").json() == {"status": "ok"}
        assert httpx.post(f"{url}/predict/invented").status_code == 404


def test_while_draining_every_connection_ends_with_an_answer(workers: str) -> None:
    with stack.gateway_process(workers=workers, drain_seconds=ENDLESS) as (running, url):
        idle = HTTPConnection(url.removeprefix("http://"))
        assert get(idle, "/healthz").getheader("Connection") is None
        running.send_signal(signal.SIGTERM)
        stack.wait_until(lambda: is_draining(url), "draining")

        for path, status in (("/healthz", 200), ("/nowhere", 404), ("/metrics", 200)):
            answer = get(idle, path)
            assert (answer.status, answer.getheader("Connection")) == (status, "close"), path


def test_a_second_sigterm_cuts_the_delay_short(workers: str) -> None:
    with stack.gateway_process(workers=workers, drain_seconds=ENDLESS) as (running, url):
        running.send_signal(signal.SIGTERM)
        stack.wait_until(lambda: is_draining(url), "draining")

        running.send_signal(signal.SIGTERM)

        assert running.wait(stack.STOP_SECONDS) == 0
        assert not stack.answers(f"{url}/healthz")


def test_ctrl_c_does_not_wait_for_balancers(workers: str) -> None:
    with stack.gateway_process(workers=workers, drain_seconds=ENDLESS) as (running, _):
        running.send_signal(signal.SIGINT)

        assert running.wait(stack.STOP_SECONDS) == 0


def test_after_the_delay_it_ends_by_itself(workers: str) -> None:
    with stack.gateway_process(workers=workers, drain_seconds="0.5") as (running, url):
        running.send_signal(signal.SIGTERM)

        assert running.wait(stack.STOP_SECONDS) == 0
        assert not stack.answers(f"{url}/healthz")


def test_requests_in_progress_may_finish(workers: str) -> None:
    with (
        listening(declared_models()) as address,
        stack.gateway_process(
            model_server=address, workers=workers, drain_seconds="0", predict_timeout_seconds="300"
        ) as (running, url),
    ):
        stack.wait_until_ready(url)
        with Visitor(url, "/predict/housing", HOUSE, withheld=10) as visitor:
            inside = "tfgate_requests_in_flight"
            stack.wait_until(lambda: reading(url, inside, model="housing") == 1, "the request")
            running.send_signal(signal.SIGTERM)
            stack.wait_until(lambda: not stack.answers(f"{url}/healthz"), "a closed door")

            visitor.finish()

            assert visitor.answer().status == 200
        assert running.wait(stack.STOP_SECONDS) == 0


def is_draining(url: str) -> bool:
    """Tell whether every worker is: so many new connections reach them all."""
    return all(problem_code(url) == "shutting-down" for _ in range(20))


def problem_code(url: str) -> str:
    code: str = httpx.get(f"{url}/readyz").json()["code"]
    return code


def get(connection: HTTPConnection, path: str) -> HTTPResponse:
    """Ask over a connection, which http.client opens anew only if the last answer ended it."""
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert body.startswith(b"#") or json.loads(body)
    return answer
