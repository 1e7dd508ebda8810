"""What is shipped to shed load in front of gateways, run with other addresses and limits."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml

from proto.predict_pb2 import PredictResponse
from serving.gateway.problems import Problem
from serving.gateway.settings import Settings
from tests import nginx, stack
from tests.example_bodies import EXAMPLES
from tests.fake_model_server import FakeModelServer, PredictCall
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.faults import answer
from tests.programs import needs
from tests.readings import reading

needs_nginx = needs("nginx", package="nginx-light")
ENVOY = stack.ROOT / "k8s/in-front/envoy.yaml"
LIMIT = 2


@contextmanager
def nginx_in_front(server: FakeModelServer, folder: Path) -> Iterator[tuple[str, str]]:
    """Run nginx in front of a gateway; yields both URLs, nginx's first."""
    listen = f"127.0.0.1:{stack.free_port()}"
    with listening(server) as address, stack.gateway(address) as gateway:
        behind = gateway.removeprefix("http://")
        nginx.configure(folder, nginx.in_front(listen=listen, gateway=behind, limit=LIMIT))
        with stack.process(nginx.command(folder)):
            stack.wait_until_ready(f"http://{listen}")
            yield f"http://{listen}", gateway


@needs_nginx
def test_nginx_refuses_what_is_over_a_models_limit_and_nothing_else(tmp_path: Path) -> None:
    server = declared_models()
    released = threading.Event()

    async def held(call: PredictCall) -> PredictResponse:
        await asyncio.to_thread(released.wait, 60)
        return await answer(call)

    server.faults["housing"] = held
    with (
        nginx_in_front(server, tmp_path) as (url, gateway),
        httpx.Client(base_url=url, timeout=30) as http,
        ThreadPoolExecutor(LIMIT) as pool,
    ):

        def ask() -> httpx.Response:
            return httpx.post(f"{url}/predict/housing", json=EXAMPLES["housing"], timeout=30)

        inside = [pool.submit(ask) for _ in range(LIMIT)]
        stack.wait_until(
            lambda: reading(gateway, "tfgate_requests_in_flight") == LIMIT, "a full gateway"
        )

        for path in ("/predict/housing", "/predict/housing/batch", "/v1/models/housing:predict"):
            refused = http.post(path, json=EXAMPLES["housing"], headers={"X-Request-Id": "mine"})
            assert refused.status_code == 429, path
            assert refused.headers["retry-after"] == "1"
            assert refused.headers["content-type"] == "application/problem+json"
            assert Problem.model_validate(refused.json()).code == "overloaded"
            assert refused.json()["error"]
            assert refused.json()["request_id"] == refused.headers["x-request-id"] == "mine"
        harmful = http.post("/predict/housing", json={}, headers={"X-Request-Id": 'a"b'})
        assert harmful.json()["request_id"] == harmful.headers["x-request-id"] != 'a"b'

        for path in ("/healthz", "/readyz", "/models", "/predict/housing"):
            assert http.get(path).status_code in (200, 405), path
        assert http.post("/predict/sentiment", json=EXAMPLES["sentiment"]).status_code == 200
        assert reading(gateway, "tfgate_requests_shed_total") == 0

        released.set()
        assert [each.result().status_code for each in inside] == [200] * LIMIT
        assert ask().status_code == 200


def test_both_bounds_are_a_gateways_own() -> None:
    limit = Settings().max_requests_per_model
    assert f"limit_conn tfgate_models {limit};" in nginx.IN_FRONT.read_text()
    clusters = yaml.safe_load(ENVOY.read_text())["static_resources"]["clusters"]
    [predictions] = [each for each in clusters if "circuit_breakers" in each]
    [threshold] = predictions["circuit_breakers"]["thresholds"]
    assert threshold["max_requests"] == threshold["max_connections"] == limit
