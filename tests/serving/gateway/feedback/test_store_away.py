"""The store away, at the start or later: predictions go on, feedback waits, and all comes back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from serving.gateway.feedback import redis_store
from tests import redis_server
from tests.in_process import Gateway, gateway, growth, reading
from tests.redis_server import RedisServer

GOOD = {"text": "good"}


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


def ask(tfgate: Gateway, request_id: str) -> None:
    headers = {"X-Request-Id": request_id, "X-Release-Key": "k"}
    assert tfgate.client.post("/predict/sentiment", json=GOOD, headers=headers).status_code == 200


def tell(tfgate: Gateway, request_id: str, label: str = "positive") -> httpx.Response:
    document = {"request_id": request_id, "label": label}
    return tfgate.client.post("/feedback/sentiment", json=document)


def joined(answer: httpx.Response) -> int:
    assert answer.status_code == 200, answer.text
    number: int = answer.json()["joined"]
    return number


def refused(answer: httpx.Response, store: str) -> None:
    assert answer.status_code == 503, answer.text
    assert answer.headers["Retry-After"] == "1"
    problem = answer.json()
    assert problem["code"] == "store-unavailable"
    assert store in problem["detail"]
    assert "again later" in problem["hint"]


def wait_until_up(tfgate: Gateway) -> None:
    tfgate.wait_until(lambda: reading("tfgate_store_up") == 1, "the store")


@redis_server.NEEDED
def test_redis_is_killed_and_comes_back(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with gateway(store=server.url) as tfgate:
        tfgate.wait_until_ready()
        ask(tfgate, "a")
        assert joined(tell(tfgate, "a")) == 1
        server.kill()

        ask(tfgate, "b")
        refused(tell(tfgate, "b"), "Redis")
        refused(tfgate.client.get("/feedback/sentiment/figures"), "Redis")
        assert reading("tfgate_store_up") == 0

        server.start()
        wait_until_up(tfgate)
        # What was answered meanwhile waited here; what it knew before is gone with it.
        assert joined(tell(tfgate, "b")) == 1
        assert joined(tell(tfgate, "a")) == 0
    told = [each.getMessage() for each in caplog.records if each.name == "tfgate.feedback"]
    assert len(told) == 2, told
    assert str(server.port) in told[0]
    assert "predictions go on" in told[0]


@redis_server.NEEDED
def test_redis_is_not_there_at_the_start(server: RedisServer) -> None:
    server.kill()
    with gateway(store=server.url) as tfgate:
        tfgate.wait_until_ready()
        ask(tfgate, "a")
        refused(tell(tfgate, "a"), "Redis")

        server.start()
        wait_until_up(tfgate)
        assert joined(tell(tfgate, "a")) == 1


@redis_server.NEEDED
def test_redis_hangs(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with gateway(store=server.url) as tfgate:
        tfgate.wait_until_ready()
        ask(tfgate, "a")
        assert joined(tell(tfgate, "a")) == 1
        with monkeypatch.context() as impatient:
            impatient.setattr(redis_store, "_ANSWER_SECONDS", 0.1)
            server.hang()

            ask(tfgate, "b")
            refused(tell(tfgate, "b"), "Redis")
            ask(tfgate, "c")
        server.go_on()
        wait_until_up(tfgate)
        assert joined(tell(tfgate, "b")) == 1
        assert joined(tell(tfgate, "a")) == 0


@redis_server.NEEDED
def test_a_password_is_never_told(caplog: pytest.LogCaptureFixture) -> None:
    with RedisServer("--requirepass", "hunter2") as server:
        wrong = server.url.replace("redis://", "redis://:letmein@")
        with gateway(store=wrong) as tfgate:
            refused(answer := tell(tfgate, "a"), "Redis")
        right = server.url.replace("redis://", "redis://:hunter2@")
        with gateway(store=right) as tfgate:
            tfgate.wait_until_ready()
            ask(tfgate, "a")
            assert joined(tell(tfgate, "a")) == 1
    told = answer.text + "".join(each.getMessage() for each in caplog.records)
    assert "letmein" not in told
    assert "hunter2" not in told


def test_a_gateway_whose_folder_has_gone_serves_without_feedback(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    folder.mkdir()
    with gateway(store=f"sqlite://{folder}/feedback.sqlite") as tfgate:
        shutil.rmtree(folder)
        tfgate.wait_until_ready()
        ask(tfgate, "a")
        refused(tell(tfgate, "a"), "SQLite")

        folder.mkdir()
        wait_until_up(tfgate)
        assert joined(tell(tfgate, "a")) == 1


def test_two_gateways_share_a_store(store: str) -> None:
    with gateway(store=store) as one, gateway(store=store) as other:
        for tfgate in (one, other):
            tfgate.wait_until_ready()
        for tfgate, request_id in ((one, "a"), (other, "b"), (one, "c"), (one, "d")):
            ask(tfgate, request_id)

        # In the store within a moment: the one writes while it runs.
        one.wait_until(lambda: joined(tell(other, "d")) == 1, "the answer of the other gateway")
        assert joined(tell(other, "a")) == 1
        assert joined(tell(one, "a", "negative")) == 0
        assert joined(tell(one, "b", "negative")) == 1
        assert joined(tell(other, "c", "negative")) == 1
        by_key = {"key": "k", "label": "positive"}
        answer = other.client.post("/feedback/sentiment", json=by_key)
        assert answer.json()["results"][0]["outcome"] == "already-given"

        for tfgate in (one, other):
            [figures] = tfgate.client.get("/feedback/sentiment/figures").json()["figures"]
            assert (figures["num_labels"], figures["accuracy"]) == (4, 0.5)


def test_answers_of_a_moment_before_the_end_are_kept(store: str) -> None:
    with gateway(store=store) as tfgate:
        tfgate.wait_until_ready()
        ask(tfgate, "a")
    dropped = growth("tfgate_feedback_dropped_total")
    with gateway(store=store) as tfgate:
        tfgate.wait_until_ready()
        assert joined(tell(tfgate, "a")) == 1
    assert dropped() == 0
