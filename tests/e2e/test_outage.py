"""The model server freezes, dies and comes back under load; when it is back, all is answered."""

import time
from pathlib import Path

from soak.clients import Outcome
from soak.model_server import ModelServer
from tests import stack
from tests.e2e.under_load import HOUSES, asking, errors, wait_for

NUM_ANSWERS = 100


def test_a_frozen_and_a_killed_server_cost_nothing_once_they_are_back(tmp_path: Path) -> None:
    """A frozen one is noticed by its silence, after some seconds: nobody waits for a deadline."""
    housing = stack.shipped_models(tmp_path / "shipped") / "housing"
    repository = stack.linked_repository(tmp_path / "models", housing=housing)
    with ModelServer(repository, tmp_path) as server:
        server.start()
        server.wait_until_it_answers()
        with (
            stack.gateway(server.address, **stack.PATIENT) as url,
            asking(url, HOUSES) as outcomes,
        ):
            with server.frozen():
                wait_for(outcomes, 503)
            assert_all_are_answered_from_now_on(outcomes)

            server.kill()
            wait_for(outcomes, 503, since=time.monotonic())
            server.start()
            server.wait_until_it_answers()
            assert_all_are_answered_from_now_on(outcomes)

    assert {(error.status, error.retry_after) for error in errors(outcomes)} == {(503, "1")}


def assert_all_are_answered_from_now_on(outcomes: list[Outcome]) -> None:
    """From the first answer on, nobody who asks is refused."""
    wait_for(outcomes, 200, since=time.monotonic())
    found = time.monotonic()
    stack.wait_until(
        lambda: sum(each.started > found for each in outcomes) >= NUM_ANSWERS, "that many answers"
    )
    assert errors(outcomes, since=found) == []
