"""The model server dies, freezes, moves or has a twin, all under load: few notice, and briefly."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.models import MODELS
from soak.clients import Outcome
from soak.known_answers import KnownAnswers
from soak.model_server import ModelServer
from soak.questions import Question
from soak.versions import write_version
from tests import stack
from tests.e2e.under_load import QUESTIONS, asking, errors, wait_for
from tests.name_server import NameServer

RECOVERY_SECONDS = 2
SLACK_SECONDS = 1  # between a request's deadline and the moment at which its client knows
HOUSE: dict[str, Any] = MODELS["housing"].example.model_dump(mode="json")
# 393 kB as tensors: more than gRPC, if left alone, would send a second time.
PICTURES = Question(
    "image", [each.instances[0] for each in QUESTIONS if each.model == "image"] * 16, batch=True
)


def test_the_first_request_after_the_server_came_is_answered(tmp_path: Path) -> None:
    """Although the gateway came first, and was asked and probed for long."""
    with (
        ModelServer(stack.SHIPPED_MODELS, tmp_path) as server,
        stack.gateway(server.address) as url,
        httpx.Client(base_url=url, timeout=30) as client,
    ):
        assert client.post("/predict/housing", json=HOUSE).status_code == 503
        for _ in range(50):
            assert client.get("/readyz").status_code == 503

        server.start()
        server.wait_until_it_answers()

        assert client.post("/predict/housing", json=HOUSE).status_code == 200


def test_a_killed_server_costs_503s_until_it_is_back(tmp_path: Path) -> None:
    with running_server(tmp_path) as server, asking(server.address) as outcomes:
        server.kill()
        wait_for(outcomes, 503)
        server.start()
        server.wait_until_it_answers()
        back = time.monotonic()
        wait_for(outcomes, 200, since=back + RECOVERY_SECONDS)

    assert {(error.status, error.retry_after) for error in errors(outcomes)} == {(503, "1")}
    assert max(error.seconds for error in errors(outcomes)) < 5 + SLACK_SECONDS
    assert errors(outcomes, since=back + RECOVERY_SECONDS) == []


def test_a_frozen_server_is_given_up_and_found_again(tmp_path: Path) -> None:
    """First every request waits for its deadline; then gRPC notices, and none has to."""
    with (
        running_server(tmp_path) as server,
        asking(server.address, predict_timeout_seconds="1") as outcomes,
    ):
        with server.frozen():
            wait_for(outcomes, 504)
            wait_for(outcomes, 503)
        back = time.monotonic()
        wait_for(outcomes, 200, since=back + RECOVERY_SECONDS)

    assert {error.status for error in errors(outcomes)} == {503, 504}
    assert max(error.seconds for error in errors(outcomes)) < 1 + SLACK_SECONDS
    assert errors(outcomes, since=back + RECOVERY_SECONDS) == []


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux listens on all of 127.0.0.0/8")
def test_a_server_that_comes_back_at_another_address_is_found_by_its_name(tmp_path: Path) -> None:
    """As a pod does behind a headless service."""
    with (
        NameServer("127.0.0.1") as names,
        running_server(tmp_path) as old,
        ModelServer(stack.SHIPPED_MODELS, tmp_path, host="127.0.0.2", port=old.port) as new,
        asking(f"dns://{names.authority}/model-server.test:{old.port}") as outcomes,
    ):
        old.kill()
        names.addresses = ("127.0.0.2",)
        new.start()
        new.wait_until_it_answers()
        back = time.monotonic()
        wait_for(outcomes, 200, since=back + RECOVERY_SECONDS)

    assert {(error.status, error.retry_after) for error in errors(outcomes)} == {(503, "1")}
    assert errors(outcomes, since=back + RECOVERY_SECONDS) == []


def test_one_of_two_servers_may_die_and_come_back_without_a_failed_request(tmp_path: Path) -> None:
    """They serve different weights under the same number, so that answers tell who gave them."""
    questions = [*QUESTIONS, PICTURES]
    with (
        running_server(tmp_path) as first,
        running_server(tmp_path, other_weights(tmp_path / "other")) as second,
        asking(f"ipv4:{first.address},{second.address}", questions) as outcomes,
    ):
        answers_of_first = Answers(questions, stack.SHIPPED_MODELS, outcomes)
        answers_of_second = Answers(questions, tmp_path / "other", outcomes)
        stack.wait_until(lambda: answers_of_first.seen() and answers_of_second.seen(), "both")
        first.kill()
        killed = time.monotonic()
        stack.wait_until(
            lambda: PICTURES in {each.question for each in outcomes if each.started > killed},
            "a large answer by the other",
        )
        first.start()
        first.wait_until_it_answers()
        back = time.monotonic()
        stack.wait_until(lambda: answers_of_first.seen(since=back), "calls of the first again")

    assert errors(outcomes) == []
    assert len(answers_of_first.all()) + len(answers_of_second.all()) == len(outcomes)


class Answers:
    """Those among the outcomes that a server with this repository has given."""

    def __init__(
        self, questions: Sequence[Question], repository: Path, outcomes: list[Outcome]
    ) -> None:
        self._known = KnownAnswers(questions)
        for model in MODELS:
            self._known.learn(model, 1, repository / model / "1")
        self._outcomes = outcomes

    def all(self) -> list[Outcome]:
        return [each for each in self._outcomes if each.ok and self._known.is_right(each)]

    def seen(self, since: float = 0) -> bool:
        return any(each.started > since for each in self.all())


def other_weights(repository: Path) -> Path:
    for model in MODELS:
        (repository / model).mkdir(parents=True)
        write_version(model, 2, repository / model).rename(repository / model / "1")
    return repository


@contextmanager
def running_server(scratch: Path, repository: Path = stack.SHIPPED_MODELS) -> Iterator[ModelServer]:
    with ModelServer(repository, scratch) as server:
        server.start()
        yield server
