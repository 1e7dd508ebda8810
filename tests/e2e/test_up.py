"""`tfgate up` with the shipped models: it answers until it is stopped, and nothing is left."""

import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psutil

from serving.models import MODELS
from tests import stack
from tests.proxy import RefusingProxy
from tests.serving.embedded.numbered import export_number, write_version
from tests.serving.tf_serving.test_repository import write
from tests.tfgate.test_up import (
    TFGATE,
    children_of,
    has_ended,
    tfgate_up,
    with_model_server,
)

EMBEDDED = f'exec {sys.executable} -m serving.embedded "$@"'


def test_it_serves_until_it_is_stopped_and_leaves_nothing_behind() -> None:
    with tfgate_up() as (running, url):
        stack.wait_until_ready(url)
        for name, model in MODELS.items():
            answer = httpx.post(f"{url}/predict/{name}", json=model.example.model_dump(mode="json"))
            assert answer.status_code == 200
        children = children_of(running)
        assert len(children) >= 2

        running.send_signal(signal.SIGINT)

        assert running.wait(stack.STOP_SECONDS) == 0
        assert not any(child.is_running() for child in children)


def test_any_model_is_served_and_those_that_come_and_go_without_a_restart(tmp_path: Path) -> None:
    """None of the shipped ones is there, and none is missed."""
    repository = tmp_path / "models"
    write_version(repository / "first one", 1)
    with tfgate_up(f"--repository={repository}") as (running, url):
        stack.wait_until_ready(url)
        assert number(url, "first one") == 1
        assert httpx.get(f"{url}/readyz").json()["missing"] == {}

        write_version(repository / "second", 2)
        stack.wait_until(lambda: number(url, "second") == 2, "the second model")
        shutil.rmtree(repository / "first one")
        stack.wait_until(lambda: number(url, "first one") is None, "the first model's end")
        assert number(url, "second") == 2

        running.send_signal(signal.SIGINT)
        assert running.wait(stack.STOP_SECONDS) == 0


def number(url: str, model: str) -> float | None:
    """Ask a model for its number; None if there is no such model, or none yet."""
    answer = httpx.post(f"{url}/v1/models/{model}:predict", json={"instances": [0]})
    if answer.status_code in {404, 503}:
        return None
    found: float = answer.raise_for_status().json()["predictions"][0]
    return found


def test_a_saved_model_is_enough(tmp_path: Path) -> None:
    export_number(tmp_path / "exported", 7)
    with tfgate_up(f"--repository={tmp_path / 'exported'}") as (_, url):
        stack.wait_until_ready(url)

        assert number(url, "exported") == 7


def test_a_model_that_cannot_be_loaded_costs_only_itself(tmp_path: Path) -> None:
    repository, said = tmp_path / "models", tmp_path / "said"
    write_version(repository / "good", 1)
    write(repository / "broken" / "1", "saved_model.pb")
    port = stack.free_port()
    command = [*TFGATE, "up", f"--port={port}", f"--repository={repository}"]
    with said.open("wb") as log, stack.process(command, log):
        # The server is started twice.
        stack.wait_until(
            lambda: "ready  " in said.read_text(), "the start", 2 * stack.START_SECONDS
        )

        assert number(f"http://127.0.0.1:{port}", "good") == 1
        assert "broken cannot be asked: no version is available: version 1 is END" in (
            said.read_text()
        )


def test_nobody_can_reach_a_real_model_server_and_nothing_outlives_a_kill(tmp_path: Path) -> None:
    """The real server, which would open a port to everybody, is the embedded one in disguise."""
    environment = with_model_server(tmp_path, EMBEDDED)
    with (
        # Not below tmp_path, which may be too long for a socket's.
        TemporaryDirectory(prefix="a folder ") as folder,
        tfgate_up(TMPDIR=folder, **environment) as (running, url),
    ):
        stack.wait_until_ready(url)

        ports = {
            connection.laddr.port
            for child in children_of(running)
            for connection in child.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert ports == {httpx.URL(url).port}
        # The one with the socket, and the gateway's own, with its feedback.
        assert [each.stat().st_mode & 0o777 for each in Path(folder).iterdir()] == [0o700, 0o700]
        children = children_of(running)

        running.kill()

        stack.wait_until(lambda: all(map(has_ended, children)), "the end of both programs")


def test_a_start_in_a_terminal_is_a_line_a_step_and_tells_how_to_ask() -> None:
    """Also where the environment names a proxy, and the certificates of another model server."""
    port = stack.free_port()
    controlling, terminal = pty.openpty()
    command = [*TFGATE, "up", f"--port={port}"]
    variables = {"COLUMNS": "40", "TERM": "xterm", "TFGATE_MODEL_SERVER": "dns:///elsewhere:8500"}
    with RefusingProxy() as proxy:
        environment = {**os.environ, **proxy.environment, **variables}
        with subprocess.Popen(
            command,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            cwd=stack.ROOT,
            env=environment,
        ) as running:
            os.close(terminal)
            shown = read_until(controlling, "stop   Ctrl-C")
            (line,) = re.findall(r"try    (.*)", shown)
            answer = subprocess.run(
                shlex.split(line),
                cwd=stack.ROOT,
                env=environment,
                capture_output=True,
                stdin=subprocess.DEVNULL,
                check=False,
            )
            running.send_signal(signal.SIGINT)
            assert running.wait(stack.STOP_SECONDS) == 0

    assert answer.returncode == 0, answer.stderr
    assert b"negative" in answer.stdout
    assert proxy.asked == []
    for noise in ("{", "WARNING", "refused", "CUDA", "cuda", "absl"):
        assert noise not in shown
    for step in (
        "loading 3 models",
        "sentiment  typed    version 3",
        "starting the gateway",
        f"ready  http://127.0.0.1:{port}",
    ):
        assert step in shown
    assert len(shown.splitlines()) < 20


def read_until(terminal: int, end: str) -> str:
    """Read what is shown in a terminal, up to a text."""
    shown = b""
    while end.encode() not in shown:
        shown += os.read(terminal, 10_000)
    return shown.decode().replace("\r\n", "\n")
