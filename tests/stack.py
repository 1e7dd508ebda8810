"""The real programs, started for a test and stopped after it; each on a port of its own."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx

from serving.tf_serving.model_config import model_config

ROOT = Path(__file__).parents[1]
SHIPPED_MODELS = ROOT / "models"
START_SECONDS = 90
STOP_SECONDS = 30
# Settings of a gateway none of whose answers may be late because the machine is slow.
PATIENT = {"predict_timeout_seconds": "60"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Wait for something that is sure to come; a test never sleeps and hopes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} seconds"
        time.sleep(0.05)


@contextmanager
def process(
    command: list[str], log: IO[bytes] | None = None, /, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program; SIGTERM ends it, and it must then end by itself. `log` takes what it says."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "2"}
    running = subprocess.Popen(
        command, stdout=log, stderr=log, env={**os.environ, **quiet, **environment}, cwd=ROOT
    )
    try:
        yield running
    finally:
        running.terminate()
        try:
            running.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            raise


@contextmanager
def model_server(
    repository: Path, scratch: Path, *flags: str, port: int | None = None
) -> Iterator[str]:
    """Serve a repository with the embedded server; yields its address at once, still loading."""
    config = scratch / "models.config"
    config.write_text(model_config(repository))
    port = port or free_port()
    with model_server_process(config, *flags, port=port):
        yield f"127.0.0.1:{port}"


@contextmanager
def model_server_process(
    config: Path, *flags: str, port: int, log: IO[bytes] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the embedded server with a models.config; yields its process at once, still loading."""
    command = [
        *(sys.executable, "-m", "serving.embedded"),
        *(f"--port={port}", f"--model_config_file={config}", *flags),
    ]
    with process(command, log) as running:
        yield running


@contextmanager
def gateway(model_server: str, **settings: str) -> Iterator[str]:
    """Run a gateway in front of a model server; yields its URL once it is alive."""
    with gateway_process(model_server=model_server, **settings) as (_, url):
        yield url


@contextmanager
def gateway_process(
    log: IO[bytes] | None = None, /, **settings: str
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run a gateway; yields its process and its URL once it is alive.

    Unless one is named, there is no model server: somebody may run one at the default address.
    """
    nobody = f"127.0.0.1:{free_port()}"
    settings = {"port": str(free_port()), "model_server": nobody, **settings}
    environment = {f"TFGATE_{name.upper()}": value for name, value in settings.items()}
    with process([sys.executable, "-m", "serving.gateway"], log, **environment) as running:
        url = f"http://127.0.0.1:{settings['port']}"
        wait_until(lambda: running.poll() is not None or answers(f"{url}/healthz"), "start")
        assert running.poll() is None, "the gateway ended at once"
        try:
            yield running, url
        finally:
            # Unlike SIGTERM, it is not followed by the delay that load balancers need.
            running.send_signal(signal.SIGINT)


def refusal(**settings: str) -> str:
    """Start a gateway that must refuse to, and return what it says."""
    settings = {"port": str(free_port()), **settings}
    environment = {f"TFGATE_{name.upper()}": value for name, value in settings.items()}
    finished = subprocess.run(
        [sys.executable, "-m", "serving.gateway"],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert finished.returncode == 1
    assert "Traceback" not in finished.stderr
    return finished.stderr


def answers(url: str) -> bool:
    """Tell whether a GET succeeds."""
    try:
        return httpx.get(url, timeout=10).is_success
    except httpx.TransportError:
        return False


def linked_repository(repository: Path, **folders: Path) -> Path:
    """Make a repository of links: model names to model folders anywhere."""
    repository.mkdir()
    for name, folder in folders.items():
        (repository / name).symlink_to(folder)
    return repository


def wait_until_ready(url: str) -> None:
    wait_until(lambda: answers(f"{url}/readyz"), "readiness")
