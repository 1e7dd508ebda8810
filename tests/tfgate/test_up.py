"""`tfgate up` as a person meets it: it stops, and it says what is wrong; e2e has how it serves."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from serving.models import MODELS
from tests import stack
from tfgate.cli import app

OPTIONS = ("--port", "--model-server-port")
TFGATE = [sys.executable, "-m", "tfgate"]


@contextmanager
def tfgate_up(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `tfgate up` on free ports; whatever it left running afterwards is an error."""
    port, model_server_port = stack.free_port(), stack.free_port()
    ports = [f"--port={port}", f"--model-server-port={model_server_port}"]
    command = [*TFGATE, "up", *ports, *options]
    with stack.process(command, **environment) as running:
        yield running, f"http://127.0.0.1:{port}"


def children_of(running: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(running.pid).children(recursive=True)


def refused(*options: str, **environment: str) -> str:
    """Run `tfgate up` where it must end at once; return its last words."""
    if not any(option.startswith("--model-server-port") for option in options):
        options = (*options, f"--model-server-port={stack.free_port()}")
    result = CliRunner().invoke(app, ["up", *options], env=environment)
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result.stderr


@pytest.fixture
def waiting_server(tmp_path: Path) -> dict[str, str]:
    """An environment in which the model server loads for ever."""
    return with_model_server(tmp_path, "exec sleep 1000")


def with_model_server(folder: Path, script: str) -> dict[str, str]:
    stand_in = folder / "tensorflow_model_server"
    stand_in.write_text(f"#!/bin/sh\n{script}\n")
    stand_in.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_it_can_be_stopped_while_models_load(waiting_server: dict[str, str]) -> None:
    with tfgate_up(**waiting_server) as (running, url):
        stack.wait_until(lambda: stack.answers(f"{url}/healthz"), "the gateway's start")
        children = children_of(running)
        assert len(children) >= 2

        running.send_signal(signal.SIGTERM)

        assert running.wait(stack.STOP_SECONDS) == 0
        assert not any(child.is_running() for child in children)


def test_when_a_program_dies_everything_stops_with_an_error(
    waiting_server: dict[str, str],
) -> None:
    with tfgate_up(**waiting_server) as (running, url):
        stack.wait_until(lambda: stack.answers(f"{url}/healthz"), "the gateway's start")
        children = children_of(running)
        (victim,) = [child for child in children if "serving.gateway" in child.cmdline()]

        victim.send_signal(signal.SIGKILL)

        assert running.wait(stack.STOP_SECONDS) == 1
        assert not any(child.is_running() for child in children)


def test_a_busy_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        for option, other in (OPTIONS, OPTIONS[::-1]):
            message = refused(f"{option}={port}", f"{other}={stack.free_port()}")
            assert f"cannot listen on 127.0.0.1:{port}" in message
            assert option in message


def test_a_missing_repository_is_named(tmp_path: Path) -> None:
    message = refused(f"--repository={tmp_path / 'nowhere'}")

    assert "nowhere" in message
    assert "tfgate train all" in message


@pytest.mark.parametrize("model", MODELS)
def test_a_model_without_a_version_is_named(tmp_path: Path, model: str) -> None:
    for name in MODELS:
        version = tmp_path / name / "1"
        version.mkdir(parents=True)
        if name != model:
            (version / "saved_model.pb").touch()

    message = refused(f"--repository={tmp_path}", f"--port={stack.free_port()}")

    assert f"no version of {model}" in message
    assert f"tfgate train {model}" in message


def test_a_real_model_server_on_the_path_is_preferred(tmp_path: Path) -> None:
    """The stand-in tells how it was called and leaves; `tfgate up` must report its end."""
    environment = with_model_server(tmp_path, f'echo "$@" > {tmp_path}/called\nexit 3')

    message = refused(f"--port={stack.free_port()}", **environment)

    assert "the model server exited with code 3" in message
    assert "--model_config_file=" in (tmp_path / "called").read_text()
