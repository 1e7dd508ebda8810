"""The real programs, started and stopped again; each on a port of its own."""

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

from serving.models import MODELS

ROOT = Path(__file__).parents[1]
MODELS_FOLDER = ROOT / "models"
# What is ours in that folder: a user's own models, and versions of ours, may lie beside it.
SHIPPED_VERSIONS = {"housing": 3, "image": 3, "sentiment": 3}
START_SECONDS = 90
STOP_SECONDS = 30


def shipped_version(model: str) -> Path:
    """Give the folder of the version that is shipped."""
    return MODELS_FOLDER / model / str(SHIPPED_VERSIONS[model])


def shipped_models(folder: Path) -> Path:
    """Make a repository of the shipped versions alone: links in a folder that is not there yet.

    A user's own model is in it too, as it is, if the gateway knows it: it must be ready as well.
    """
    for model in MODELS:
        if model in SHIPPED_VERSIONS:
            version = shipped_version(model)
            (folder / model).mkdir(parents=True)
            (folder / model / version.name).symlink_to(version)
        elif (MODELS_FOLDER / model).is_dir():
            (folder / model).symlink_to(MODELS_FOLDER / model)
    return folder


def free_port() -> int:
    """Find a port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Wait for something that is sure to come.

    Raises:
        TimeoutError: it did not.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            message = f"{what} did not happen within {seconds} seconds"
            raise TimeoutError(message)
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
        if running.poll() is not None:
            message = "the gateway ended at once"
            raise ChildProcessError(message)
        try:
            yield running, url
        finally:
            # Unlike SIGTERM, it is not followed by the delay that load balancers need.
            running.send_signal(signal.SIGINT)


def answers(url: str) -> bool:
    """Tell whether a GET succeeds."""
    try:
        # Loading certificates takes longer than all the rest, and this asks every few milliseconds.
        return httpx.get(url, timeout=10, verify=False).is_success  # noqa: S501  # this machine's
    except httpx.TransportError:
        return False


def has_every_model(url: str) -> bool:
    """Tell whether a gateway finds every model, also one from before `missing` was told."""
    try:
        answer = httpx.get(f"{url}/readyz", timeout=10, verify=False)  # noqa: S501  # this machine's
    except httpx.TransportError:
        return False
    return answer.is_success and not answer.json().get("missing")


def wait_until_ready(url: str) -> None:
    """Wait until a gateway has every model to answer with."""
    wait_until(lambda: has_every_model(url), "readiness")
