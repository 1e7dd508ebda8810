"""The real programs, as tests start them; how they are run is the benchmark's and the soak's."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.stack import (
    ROOT,
    SHIPPED_VERSIONS,
    START_SECONDS,
    STOP_SECONDS,
    answers,
    free_port,
    gateway_process,
    model_server_process,
    process,
    shipped_models,
    shipped_version,
    wait_until,
    wait_until_ready,
)
from serving.tf_serving.model_config import model_config
from serving.tf_serving.repository import find_models

__all__ = [
    "PATIENT",
    "ROOT",
    "SHIPPED_VERSIONS",
    "START_SECONDS",
    "STOP_SECONDS",
    "answers",
    "free_port",
    "gateway",
    "gateway_process",
    "linked_repository",
    "model_server",
    "model_server_process",
    "process",
    "refusal",
    "shipped_models",
    "shipped_version",
    "wait_until",
    "wait_until_ready",
]

# Settings of a gateway none of whose answers may be late because the machine is slow.
PATIENT = {"predict_timeout_seconds": "60"}


@contextmanager
def model_server(
    repository: Path, scratch: Path, *flags: str, port: int | None = None
) -> Iterator[str]:
    """Serve a repository with the embedded server; yields its address at once, still loading."""
    config = scratch / "models.config"
    config.write_text(model_config(find_models(repository)))
    port = port or free_port()
    with model_server_process(config, *flags, port=port):
        yield f"127.0.0.1:{port}"


@contextmanager
def gateway(model_server: str, **settings: str) -> Iterator[str]:
    """Run a gateway in front of a model server; yields its URL once it is alive."""
    with gateway_process(model_server=model_server, **settings) as (_, url):
        yield url


def refusal(*, exit_code: int = 2, **settings: str) -> str:
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
    assert finished.returncode == exit_code, finished.stderr
    assert "Traceback" not in finished.stderr
    return finished.stderr


def linked_repository(repository: Path, **folders: Path) -> Path:
    """Make a repository of links: model names to model folders anywhere."""
    repository.mkdir()
    for name, folder in folders.items():
        (repository / name).symlink_to(folder)
    return repository
