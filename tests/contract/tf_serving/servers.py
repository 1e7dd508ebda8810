"""Servers to ask, and the configurations they are started with."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc
from google.protobuf import text_format
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus
from tensorflow_serving.config import model_server_config_pb2 as config_pb2

from serving.embedded.flags import parse
from serving.embedded.server import ModelServer
from tests.stack import free_port, wait_until


@contextmanager
def embedded_server(*flags: str) -> Iterator[grpc.Channel]:
    """Run the server in this process, which has TensorFlow loaded anyway."""
    port = free_port()
    server = ModelServer(parse([f"--port={port}", *flags]).flags)
    try:
        server.start()
        with channel_to(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        server.stop()


@contextmanager
def channel_to(address: str) -> Iterator[grpc.Channel]:
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(address, options=unlimited) as channel:
        yield channel


def write_config(path: Path, base_paths: Mapping[str, Path], **more: object) -> None:
    """Write a models.config; `more` are further fields of every model."""
    models = [
        config_pb2.ModelConfig(name=n, base_path=str(p), model_platform="tensorflow", **more)
        for n, p in base_paths.items()
    ]
    config = config_pb2.ModelServerConfig(
        model_config_list=config_pb2.ModelConfigList(config=models)
    )
    path.write_text(text_format.MessageToString(config), encoding="utf-8")


def reset(channel: grpc.Channel, config: Path) -> None:
    """Bring a running server to a configuration."""
    request = model_management_pb2.ReloadConfigRequest()
    text_format.Parse(config.read_text(encoding="utf-8"), request.config)
    model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request, timeout=60)


def wait_until_available(channel: grpc.Channel, model: str, versions: int) -> None:
    """Wait until a number of versions of a model can be asked."""
    request = GetModelStatusRequest()
    request.model_spec.name = model
    ask = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus

    def available() -> int:
        states = [version.state for version in ask(request, timeout=60).model_version_status]
        return states.count(ModelVersionStatus.AVAILABLE)

    wait_until(lambda: available() == versions, f"loading {model}")
