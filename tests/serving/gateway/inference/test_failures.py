"""The model server is away, slow or wrong; the gateway stays up and says so."""

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from serving.models import MODELS
from tests import stack

HOUSE: dict[str, Any] = MODELS["housing"].example.model_dump(mode="json")
SLOW = {"instances": [{"text": "a very long review " * 1_000}] * 128}


def test_a_gateway_outlives_its_model_server(tmp_path: Path) -> None:
    """First nobody is there, then a server comes, is killed, and comes back."""
    port = stack.free_port()
    with stack.gateway(f"127.0.0.1:{port}") as url:
        assert_unavailable(url, port)
        for _ in range(2):
            with stack.model_server(stack.SHIPPED_MODELS, tmp_path, port=port):
                stack.wait_until_ready(url)
                assert is_answered(url)
            assert_unavailable(url, port)


def assert_unavailable(url: str, port: int) -> None:
    assert httpx.get(f"{url}/healthz").status_code == 200
    ready = httpx.get(f"{url}/readyz")
    assert (ready.status_code, ready.json()["code"]) == (503, "model-unavailable")
    for path in ("/predict/housing", "/models"):
        method = "POST" if path.startswith("/predict") else "GET"
        answer = httpx.request(method, f"{url}{path}", json=HOUSE)
        assert (answer.status_code, answer.json()["code"]) == (503, "model-server-unavailable")
        assert f"127.0.0.1:{port}" in answer.json()["detail"]
        assert answer.headers["Retry-After"]


def test_an_answer_that_would_come_too_late_is_a_504(model_server: str) -> None:
    with stack.gateway(model_server, predict_timeout_seconds="0.05") as url:
        stack.wait_until_ready(url)

        answer = httpx.post(f"{url}/predict/sentiment/batch", json=SLOW, timeout=30)

        assert (answer.status_code, answer.json()["code"]) == (504, "deadline-exceeded")
        stack.wait_until(lambda: is_answered(url), "an answer to a quick question")


def is_answered(url: str) -> bool:
    return httpx.post(f"{url}/predict/housing", json=HOUSE).status_code == 200


def test_another_model_under_the_name_is_not_ready_and_says_why(tmp_path: Path) -> None:
    shipped = {name: stack.SHIPPED_MODELS / name for name in MODELS}
    folders = {**shipped, "image": shipped["housing"]}
    repository = stack.linked_repository(tmp_path / "models", **folders)
    with stack.model_server(repository, tmp_path) as address, stack.gateway(address) as url:
        stack.wait_until(lambda: missing(url).keys() == {"image"}, "loading")

        assert "input" in missing(url)["image"]
        assert "version" in missing(url)["image"]
        picture = MODELS["image"].example.model_dump(mode="json")
        answer = httpx.post(f"{url}/predict/image", json=picture)
        assert (answer.status_code, answer.json()["code"]) == (500, "internal-error")
        assert is_answered(url)


def missing(url: str) -> dict[str, str]:
    document = httpx.get(f"{url}/readyz").json()
    return {error["field"]: error["message"] for error in document.get("errors", [])}


def test_sigterm_lets_requests_in_progress_finish(model_server: str) -> None:
    settings = {"predict_timeout_seconds": "60", "drain_seconds": "0"}
    with (
        stack.gateway_process(model_server=model_server, **settings) as (running, url),
        ThreadPoolExecutor() as executor,
    ):
        stack.wait_until(lambda: stack.answers(f"{url}/readyz"), "readiness")
        answer = executor.submit(
            httpx.post, f"{url}/predict/sentiment/batch", json=SLOW, timeout=60
        )
        stack.wait_until(lambda: in_flight(url, "sentiment"), "the slow request")
        running.send_signal(signal.SIGTERM)

        assert answer.result().status_code == 200
        assert running.wait(stack.STOP_SECONDS) == 0


def in_flight(url: str, model: str) -> bool:
    return f'tfgate_requests_in_flight{{model="{model}"}} 1.0' in httpx.get(f"{url}/metrics").text
