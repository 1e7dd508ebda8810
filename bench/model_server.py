"""The model server behind the gateways: the real TensorFlow Serving if it is here, or ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc

from bench.foreign_models import WIDTHS
from bench.processes import Program, running
from bench.repository import repository
from bench.stack import free_port, wait_until
from proto.model_pb2 import ModelSpec
from proto.status_pb2 import GetModelStatusRequest, GetModelStatusResponse, ModelVersionStatus
from serving.models import MODELS
from serving.tf_serving.model_config import model_config
from serving.tf_serving.repository import find_models
from tfgate.up import model_server_command

_STATUS = "/tensorflow.serving.ModelService/GetModelStatus"


@dataclass(frozen=True)
class ModelServer:
    """A running model server that has loaded every model."""

    program: Program
    address: str


@contextmanager
def model_server(scratch: Path, *, rest_port: int | None = None) -> Iterator[ModelServer]:
    """Serve all models; yields once every one of them can be asked."""
    scratch.mkdir(parents=True, exist_ok=True)
    config = scratch / "models.config"
    config.write_text(model_config(find_models(repository(scratch))))
    port = free_port()
    # A gateway that makes a call for each request is refused beyond this; at 128 connections that
    # would be said of the plain gateway, and not of the comparison. The last of two flags counts.
    command = [*model_server_command(config, f"--port={port}"), "--grpc_max_threads=512"]
    if rest_port is not None:
        command += [f"--rest_api_port={rest_port}", "--rest_api_num_threads=16"]
    with running(command, {}, scratch / "logs" / "model_server.log") as program:
        address = f"127.0.0.1:{port}"
        with grpc.insecure_channel(address) as channel:
            wait_until(lambda: _has_loaded_all(channel, program), "loading the models")
        yield ModelServer(program, address)


def _has_loaded_all(channel: grpc.Channel, program: Program) -> bool:
    program.check()
    ask = channel.unary_unary(
        _STATUS,
        request_serializer=GetModelStatusRequest.SerializeToString,
        response_deserializer=GetModelStatusResponse.FromString,
    )
    try:
        for model in (*MODELS, *WIDTHS):
            request = GetModelStatusRequest(model_spec=ModelSpec(name=model))
            statuses = ask(request, timeout=5, wait_for_ready=True).model_version_status
            if not any(each.state == ModelVersionStatus.State.AVAILABLE for each in statuses):
                return False
    except grpc.RpcError:
        return False
    return True
