"""Metrics on a port that is theirs alone."""

import socket

import httpx
import pytest

from tests import stack
from tests.readings import reading


@pytest.mark.parametrize("workers", ["1", "2"])
def test_metrics_move_to_their_own_port(workers: str) -> None:
    port = stack.free_port()
    with stack.gateway_process(workers=workers, metrics_port=str(port)) as (_, url):
        metrics = f"http://127.0.0.1:{port}"
        for _ in range(8):
            httpx.post(f"{url}/predict/invented")

        assert reading(metrics, "tfgate_requests_total", outcome="unknown-model") == 8
        assert httpx.get(f"{url}/metrics").status_code == 404
        assert httpx.get(f"{metrics}/metrics").headers["Content-Type"].startswith("text/plain")
        paths = httpx.get(f"{url}/openapi.json").json()["paths"]
        assert "/metrics" not in paths


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_named(workers: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = stack.refusal(exit_code=1, workers=workers, metrics_port=str(port))

    assert f"127.0.0.1:{port}" in message
    assert "TFGATE_METRICS_PORT" in message
