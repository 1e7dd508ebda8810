"""`tfgate up` as a person meets it: it serves, it stops, and it says what is wrong."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from serving.models import MODELS
from tests import stack

OPTIONS = ("--port", "--model-server-port")
TFGATE = [sys.executable, "-m", "tfgate"]


@contextmanager
def tfgate_up(*options: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `tfgate up` on free ports; whatever it left running afterwards is an error."""
    port, model_server_port = stack.free_port(), stack.free_port()
    ports = [f"--port={port}", f"--model-server-port={model_server_port}"]
    with stack.process([*TFGATE, "up", *ports, *options]) as running:
        yield running, f"http://127.0.0.1:{port}"


def children_of(running: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(running.pid).children(recursive=True)


def refused(*options: str) -> str:
    """Run `tfgate up` where it must refuse; return what it says."""
    finished = subprocess.run(
        [*TFGATE, "up", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert finished.returncode == 1
    assert len(finished.stderr.strip().splitlines()) == 1, finished.stderr
    return finished.stderr


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_serves_until_it_is_stopped_and_leaves_nothing_behind(stop: signal.Signals) -> None:
    with tfgate_up() as (running, url):
        stack.wait_until_ready(url)
        for name, model in MODELS.items():
            answer = httpx.post(f"{url}/predict/{name}", json=model.example.model_dump(mode="json"))
            assert answer.status_code == 200
        children = children_of(running)
        assert len(children) >= 2

        running.send_signal(stop)

        assert running.wait(stack.STOP_SECONDS) == 0
        assert not any(child.is_running() for child in children)


@pytest.mark.parametrize("program", ["serving.embedded", "serving.gateway"])
def test_when_a_program_dies_everything_stops_with_an_error(program: str) -> None:
    with tfgate_up() as (running, url):
        stack.wait_until_ready(url)
        children = children_of(running)
        (victim,) = [child for child in children if program in child.cmdline()]

        victim.send_signal(signal.SIGKILL)

        assert running.wait(stack.STOP_SECONDS) == 1
        assert not any(child.is_running() for child in children)


def test_a_broken_model_stops_it_with_an_error(tmp_path: Path) -> None:
    repository = tmp_path / "models"
    shutil.copytree(stack.SHIPPED_MODELS, repository)
    next(repository.glob("housing/*/saved_model.pb")).write_bytes(b"broken")

    with tfgate_up(f"--repository={repository}") as (running, _):
        assert running.wait(stack.START_SECONDS) == 1


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
    stand_in = tmp_path / "tensorflow_model_server"
    stand_in.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/called\nexit 3\n')
    stand_in.chmod(0o755)
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ports = [f"--port={stack.free_port()}", f"--model-server-port={stack.free_port()}"]

    finished = subprocess.run(
        [*TFGATE, "up", *ports, f"--repository={stack.SHIPPED_MODELS}"],
        *(),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert finished.returncode == 1
    assert "the model server exited with code 3" in finished.stderr
    assert "--model_config_file=" in (tmp_path / "called").read_text()
