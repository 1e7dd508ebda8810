"""A TensorFlow Serving that is not ours, which tests ask in place of the embedded server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.protobuf import text_format

from proto.management_pb2 import ReloadConfigRequest
from tests import stack

# What the recordings were made with, beyond the defaults: a model that does not load is given up
# at once. Of the defaults it matters that the health service is off.
FLAGS = ("--max_num_load_retries=0",)

_RELOAD = "/tensorflow.serving.ModelService/HandleReloadConfigRequest"
_CHECK = "/grpc.health.v1.Health/Check"


class GivenServer:
    """A server at an address; it serves the models of `config` but for what `serving` lends it."""

    def __init__(self, address: str, config: Path) -> None:
        self.address = address
        self._config = config
        self._reload(config)

    @contextmanager
    def serving(self, config: Path) -> Iterator[None]:
        """Have it serve other models for a while."""
        self._reload(config)
        try:
            yield
        finally:
            self._reload(self._config)

    def _reload(self, config: Path) -> None:
        request = ReloadConfigRequest()
        text_format.Parse(config.read_text(encoding="utf-8"), request.config)
        with grpc.insecure_channel(self.address) as channel:
            call = channel.unary_unary(_RELOAD)
            call(request.SerializeToString(), timeout=stack.START_SECONDS, wait_for_ready=True)


@contextmanager
def running(program: str, config: Path) -> Iterator[str]:
    """Run a TensorFlow Serving with the flags that the tests need; yields its address."""
    port = stack.free_port()
    command = [program, f"--port={port}", f"--model_config_file={config}", *FLAGS]
    with stack.process(command):
        yield f"127.0.0.1:{port}"


def objection(address: str) -> str:
    """Return why the tests cannot ask a server, or nothing."""
    with grpc.insecure_channel(address) as channel:
        try:
            channel.unary_unary(_CHECK)(b"", timeout=stack.START_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            if error.code() is grpc.StatusCode.UNIMPLEMENTED:
                return ""
            return f"no model server answers at {address}: {error.code().name} {error.details()}"
    return f"{address} has a health service: start it without --enable_grpc_healthcheck_service"
