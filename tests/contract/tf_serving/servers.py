"""Servers to ask, and the configurations they are started with."""

import gc
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import grpc
from google.protobuf import text_format
from tensorflow_serving.apis import model_service_pb2_grpc
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest, ModelVersionStatus
from tensorflow_serving.config import model_server_config_pb2 as config_pb2

from serving.embedded.__main__ import main
from serving.embedded.flags import parse
from serving.embedded.server import ModelServer
from tests.stack import free_port, wait_until


@contextmanager
def embedded_server(*flags: str) -> Iterator[grpc.Channel]:
    """Run the server in this process, and open a channel to it."""
    with embedded_address(*flags) as address, channel_to(address) as channel:
        yield channel


@contextmanager
def embedded_address(*flags: str) -> Iterator[str]:
    """Run the server in this process, which has TensorFlow loaded anyway."""
    port = free_port()
    server = ModelServer(parse([f"--port={port}", *flags]).flags)
    try:
        server.start()
        yield f"127.0.0.1:{port}"
    finally:
        server.stop()


T = TypeVar("T")


def main_until_sigterm(flags: Sequence[str], look: Callable[[], T]) -> tuple[int, T]:
    """Run the program in this process; returns its exit code and what `look` saw meanwhile.

    The program holds the main thread, as it must for its signals; SIGTERM comes after the look.
    """
    ended = threading.Event()

    def look_and_terminate() -> T:
        try:
            return look()
        finally:
            if not ended.is_set():
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    with signals_and_collector_restored(), ThreadPoolExecutor(1) as looking:
        seen = looking.submit(look_and_terminate)
        exit_code = main(flags)
        ended.set()
    return exit_code, seen.result()


@contextmanager
def signals_and_collector_restored() -> Iterator[None]:
    """Undo what the program does to the process that it has for itself elsewhere."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        gc.unfreeze()
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def channel_to(address: str) -> Iterator[grpc.Channel]:
    unlimited = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(address, options=unlimited) as channel:
        yield channel


def connects(port: int) -> bool:
    """Tell whether anybody listens."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


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


def wait_until_available(channel: grpc.Channel, model: str, versions: int) -> None:
    """Wait until a number of versions of a model can be asked."""
    request = GetModelStatusRequest()
    request.model_spec.name = model
    ask = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus

    def available() -> int:
        states = [version.state for version in ask(request, timeout=60).model_version_status]
        return states.count(ModelVersionStatus.AVAILABLE)

    wait_until(lambda: available() == versions, f"loading {model}")
