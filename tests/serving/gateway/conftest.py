"""The gateway in this process, new for every test; `server` is the model server behind it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import redis

from tests import redis_server
from tests.fake_model_server import FakeModelServer
from tests.in_process import Gateway, gateway
from tests.redis_server import RedisServer


@pytest.fixture
def tfgate() -> Iterator[Gateway]:
    with gateway() as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


@pytest.fixture
def server(tfgate: Gateway) -> FakeModelServer:
    return tfgate.server


@pytest.fixture
def http(tfgate: Gateway) -> httpx.Client:
    """A client of the gateway, which asks one request after the other."""
    return tfgate.client


@pytest.fixture(scope="session")
def running_redis() -> Iterator[RedisServer]:
    with RedisServer() as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=redis_server.NEEDED)])
def store(request: pytest.FixtureRequest) -> str:
    """An empty store of each kind, as TFGATE_STORE names it."""
    if request.param == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        return f"sqlite://{folder / 'feedback.sqlite'}"
    server: RedisServer = request.getfixturevalue("running_redis")
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    return server.url
