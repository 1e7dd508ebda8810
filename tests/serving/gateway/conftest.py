"""The gateway in this process, new for every test; `server` is the model server behind it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.fake_model_server import FakeModelServer
from tests.in_process import Gateway, gateway


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
