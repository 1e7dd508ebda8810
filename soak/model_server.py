"""A model server that may be killed, frozen and started again, always at one address."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import grpc
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub

from bench import stack
from serving.tf_serving.model_config import model_config
from serving.tf_serving.repository import find_models

# Whoever measures how soon others find the server must find it sooner.
_IMPATIENT = [
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 100),
]


class ModelServer:
    """The embedded server over a repository; a context that ends it, alive or not."""

    def __init__(
        self,
        repository: Path,
        scratch: Path,
        *flags: str,
        host: str = "127.0.0.1",
        port: int = 0,
        log: IO[bytes] | None = None,
    ) -> None:
        self.port = port or stack.free_port()
        self.address = f"{host}:{self.port}"
        self.config = scratch / f"models-{host}-{self.port}.config"
        self.config.write_text(model_config(find_models(repository)))
        self._log = log
        self._flags = (f"--grpc_bind_address={host}", *flags)
        self._model = next(path.name for path in repository.iterdir())
        self._running = ExitStack()
        self._process: subprocess.Popen[bytes]  # from start() on

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._running.close()

    def start(self) -> None:
        """Start it; it still loads."""
        process = stack.model_server_process(
            self.config, *self._flags, port=self.port, log=self._log
        )
        self._process = self._running.enter_context(process)

    def wait_until_it_answers(self) -> None:
        """Wait until it answers a call that goes past every gateway."""
        request = GetModelStatusRequest()
        request.model_spec.name = self._model
        with grpc.insecure_channel(self.address, options=_IMPATIENT) as channel:
            ModelServiceStub(channel).GetModelStatus(
                request, timeout=stack.START_SECONDS, wait_for_ready=True
            )

    def kill(self) -> None:
        """End it without any chance to say goodbye."""
        self._process.kill()
        self._process.wait(stack.STOP_SECONDS)
        self._running.close()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Let it neither answer nor close its connections."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)
