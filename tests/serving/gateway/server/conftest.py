"""A gateway whose connections can be tried, since a real socket leads to it; a fake behind it."""

from collections.abc import Iterator

import pytest

from tests import stack
from tests.fake_model_server import FakeModelServer
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening


@pytest.fixture(scope="module")
def server() -> FakeModelServer:
    return declared_models()


@pytest.fixture(scope="module")
def url(server: FakeModelServer) -> Iterator[str]:
    with (
        listening(server) as address,
        stack.gateway(address, predict_timeout_seconds="300") as url,
    ):
        stack.wait_until_ready(url)
        yield url
