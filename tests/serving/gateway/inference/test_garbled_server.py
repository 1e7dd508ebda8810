"""A model server that answers what cannot be read: that is told, and the gateway lives on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc
import httpx
import pytest

from proto.status_pb2 import GetModelStatusResponse, ModelVersionStatus
from serving.models import MODELS
from tests import stack
from tests.readings import reading

LATER_STATE = GetModelStatusResponse(
    model_version_status=[ModelVersionStatus(version=1, state=60)]  # type: ignore[arg-type]
).SerializeToString()


@contextmanager
def server_that_answers(status: bytes) -> Iterator[str]:
    """Run a model server whose every state is these bytes, and which knows nothing else."""
    answer = grpc.unary_unary_rpc_method_handler(lambda _request, _context: status)
    handlers = {"GetModelStatus": answer}
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler("tensorflow.serving.ModelService", handlers),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(grace=0).wait()


@pytest.mark.parametrize("status", [b"\xff\xff", LATER_STATE], ids=["garbage", "unknown state"])
def test_states_that_cannot_be_read_are_told_and_looked_at_again(status: bytes) -> None:
    with server_that_answers(status) as address, stack.gateway(address) as url:
        ready = httpx.get(f"{url}/readyz")
        assert ready.status_code == 503
        assert {field["field"] for field in ready.json()["errors"]} == set(MODELS)
        assert httpx.get(f"{url}/models").status_code in {200, 502}
        for model in MODELS:
            assert reading(url, "tfgate_model_ready", model=model) == 0
