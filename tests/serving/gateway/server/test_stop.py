"""How a gateway stops, alone or with several workers: first not ready, then gone."""

import json
import signal
from http.client import HTTPConnection, HTTPResponse

import psutil
import pytest

from tests import stack
from tests.example_bodies import HOUSE
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.readings import reading
from tests.visitor import Visitor

ENDLESS = "300"


@pytest.mark.parametrize("workers", ["1", "2"])
def test_sigterm_lets_every_connection_end_with_an_answer_and_a_second_one_ends_that(
    workers: str,
) -> None:
    with stack.gateway_process(workers=workers, drain_seconds=ENDLESS) as (running, url):
        address = url.removeprefix("http://")
        idle = HTTPConnection(address)
        assert get(idle, "/healthz").getheader("Connection") is None
        assert not is_draining(address)

        running.send_signal(signal.SIGTERM)

        stack.wait_until(lambda: is_draining(address), "draining of every worker")
        expected = {"/healthz": 200, "/readyz": 503, "/predict/sentiment": 405, "/metrics": 200}
        for path, status in expected.items():
            answer = get(idle, path)
            assert (answer.status, answer.getheader("Connection")) == (status, "close"), path

        running.send_signal(signal.SIGTERM)

        assert running.wait(stack.STOP_SECONDS) == 0
        assert not stack.answers(f"{url}/healthz")


@pytest.mark.parametrize(("workers", "children"), [("1", 0), ("2", 2)])
def test_ctrl_c_ends_the_one_process_or_all_without_waiting_for_balancers(
    workers: str, children: int
) -> None:
    with stack.gateway_process(workers=workers, drain_seconds=ENDLESS) as (running, _):
        started = psutil.Process(running.pid).children()
        assert len(started) == children

        running.send_signal(signal.SIGINT)

        assert running.wait(stack.STOP_SECONDS) == 0
        assert not any(child.is_running() for child in started)


@pytest.mark.parametrize(("delay", "told"), [("0.5", True), ("0", False)])
def test_after_the_delay_of_which_it_tells_if_there_is_one_it_ends_by_itself(
    delay: str, told: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    with stack.gateway_process(drain_seconds=delay) as (running, url):
        running.send_signal(signal.SIGTERM)

        assert running.wait(stack.STOP_SECONDS) == 0
        assert not stack.answers(f"{url}/healthz")
    assert ("draining" in capfd.readouterr().out) is told


@pytest.mark.parametrize("workers", ["1", "2"])
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


def is_draining(address: str) -> bool:
    """Tell whether every worker is: so many new connections reach them all."""
    return all(readiness(HTTPConnection(address)) == "shutting-down" for _ in range(20))


def readiness(connection: HTTPConnection) -> str:
    connection.request("GET", "/readyz")
    code: str = json.load(connection.getresponse())["code"]
    connection.close()
    return code


def get(connection: HTTPConnection, path: str) -> HTTPResponse:
    """Ask over a connection, which http.client opens anew only if the last answer ended it."""
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert body.startswith(b"#") or json.loads(body)
    return answer
