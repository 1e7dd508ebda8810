"""`tfgate up` as a person meets it: it stops, and it says what is wrong; e2e has how it serves."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from google.protobuf import text_format
from typer.testing import CliRunner

from proto.management_pb2 import ModelServerConfig
from serving.gateway.settings import Settings
from tests import stack
from tests.serving.tf_serving.test_repository import write
from tests.tfgate.test_ask import stranger
from tfgate.announcements import found, welcome
from tfgate.children import mortal
from tfgate.cli import app
from tfgate.given_config import GivenConfig
from tfgate.up import CannotStart, gateway_environment, wait_until_ready

TFGATE = [sys.executable, "-m", "tfgate"]


@contextmanager
def tfgate_up(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """Run `tfgate up` on a free port."""
    port = stack.free_port()
    command = [*TFGATE, "up", f"--port={port}", *options]
    with stack.process(command, **environment) as running:
        yield running, f"http://127.0.0.1:{port}"


def children_of(running: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return psutil.Process(running.pid).children(recursive=True)


def has_ended(process: psutil.Process) -> bool:
    """Tell whether a program has ended, though perhaps nobody has taken note of it."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def refused(*options: str, exit_code: int = 1, **environment: str) -> str:
    """Run `tfgate up` where it must end at once; return its last words."""
    result = CliRunner().invoke(app, ["up", *options], env=environment)
    assert result.exit_code == exit_code
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    return result.stderr


@pytest.fixture
def waiting_server(tmp_path: Path) -> dict[str, str]:
    """An environment in which the model server listens, and never answers."""
    script = 'for flag; do case $flag in --grpc_socket_path=*) touch "${flag#*=}"; esac; done'
    return with_model_server(tmp_path, f"{script}\nexec sleep 1000")


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


def test_nothing_outlives_it_when_it_is_killed(waiting_server: dict[str, str]) -> None:
    with tfgate_up("--host=127.0.0.1", TFGATE_WORKERS="2", **waiting_server) as (running, url):
        stack.wait_until(lambda: stack.answers(f"{url}/healthz"), "the gateway's start")
        children = children_of(running)
        assert len(children) == 4  # the model server, the gateway and its two workers

        running.kill()

        stack.wait_until(lambda: all(map(has_ended, children)), "the end of all")


def test_one_that_was_killed_before_it_could_be_watched_leaves_nothing() -> None:
    """The program is told of a parent that is not, or no longer, its own."""
    command = mortal(["sleep", "1000"])
    command[command.index(str(os.getpid()))] = "1"

    assert subprocess.run(command, check=False).returncode == 0


def test_a_stop_and_a_continuation_change_nothing(waiting_server: dict[str, str]) -> None:
    with tfgate_up(**waiting_server) as (running, url):
        stack.wait_until(lambda: stack.answers(f"{url}/healthz"), "the gateway's start")
        for process in [psutil.Process(running.pid), *children_of(running)]:
            process.suspend()
            process.resume()

        assert stack.answers(f"{url}/healthz")
        running.send_signal(signal.SIGTERM)
        running.send_signal(signal.SIGINT)
        assert running.wait(stack.STOP_SECONDS) == 0


@pytest.mark.parametrize("option", ["--port", "--grpc-port", "--model-server-port"])
def test_a_busy_port_is_named(option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        message = refused(f"--port={stack.free_port()}", f"{option}={port}")

    assert f"cannot listen on 127.0.0.1:{port}" in message
    assert option in message


def test_a_real_model_server_gets_no_port(waiting_server: dict[str, str]) -> None:
    ports = (f"--port={stack.free_port()}", "--model-server-port=8500")
    message = refused(*ports, exit_code=2, PATH=waiting_server["PATH"])

    assert "open the port to the whole network" in message


def test_a_missing_repository_is_named(tmp_path: Path) -> None:
    message = refused(f"--repository={tmp_path / 'nowhere'}", exit_code=2)

    assert "nowhere" in message
    assert "tfgate train all" in message


def test_a_temporary_folder_with_too_long_a_path_is_named(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()

    message = refused_with_temporary_folder(long)

    assert "too long" in message
    assert "TMPDIR" in message


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """models.config is the first that is written."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", full)

    message = refused_with_temporary_folder(tmp_path)

    assert "No space left on device" in message
    assert "TMPDIR" in message


def refused_with_temporary_folder(folder: Path) -> str:
    tempfile.tempdir = str(folder)
    try:
        return refused(f"--port={stack.free_port()}")
    finally:
        tempfile.tempdir = None


def test_a_real_model_server_on_the_path_is_preferred(tmp_path: Path) -> None:
    """The stand-in tells how it was called and leaves; `tfgate up` must report its end."""
    environment = with_model_server(tmp_path, f'echo "$@" > {tmp_path}/called\nexit 3')

    message = refused(f"--port={stack.free_port()}", PATH=environment["PATH"])

    assert "the model server exited with code 3" in message
    flags = (tmp_path / "called").read_text()
    assert "--model_config_file=" in flags
    assert "--port=0 " in flags


def test_the_settings_of_another_model_server_are_not_for_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With its certificates, the gateway would wait for TLS for ever."""
    for name in ("MODEL_SERVER", "MODEL_SERVER_CA_FILE", "model_server_certificate_file"):
        monkeypatch.setenv(f"TFGATE_{name}", "/elsewhere")
    monkeypatch.setenv("tfgate_port", "1")
    monkeypatch.setenv("TFGATE_WORKERS", "2")

    monkeypatch.setenv("TFGATE_MODELS_CONFIG", "/elsewhere/models.config")

    settings = Settings.model_construct(releases=Path("/etc/tfgate/releases.toml"))
    socket, config = Path("/run/a b/model-server"), Path("/run/a b/models.config")
    environment = gateway_environment(settings, 9000, 9001, socket, config)

    ours = {name: value for name, value in environment.items() if "tfgate" in name.lower()}
    assert ours == {
        "TFGATE_HOST": "127.0.0.1",
        "TFGATE_PORT": "9000",
        "TFGATE_GRPC_PORT": "9001",
        "TFGATE_MODEL_SERVER": "unix:/run/a%20b/model-server",
        "TFGATE_MODELS_CONFIG": "/run/a b/models.config",
        "TFGATE_RELEASES": "/etc/tfgate/releases.toml",
        "TFGATE_DRAIN_SECONDS": "0",
        "TFGATE_WORKERS": "2",
    }


@pytest.mark.parametrize(
    ("script", "shown"),
    [
        ("{here}/.venv/bin/tfgate", ".venv/bin/tfgate"),
        ("{here}/my venv/bin/tfgate", "'my venv/bin/tfgate'"),
        ("{here}/tfgate", "{here}/tfgate"),
        ("/opt/tools/tfgate", "/opt/tools/tfgate"),
        ("{here}/tfgate/__main__.py", f"{sys.executable} -m tfgate"),
    ],
)
def test_the_line_to_try_names_the_program_that_runs(
    script: str, shown: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a path that works in another terminal, where no environment is activated."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", [script.format(here=tmp_path)])

    models = ["churn", "housing", "sentiment"]
    lines = welcome("http://127.0.0.1:8000", None, models, None).splitlines()
    assert f"try    {shown.format(here=tmp_path)} predict sentiment 'What a waste" in lines[2]
    assert "--url" not in lines[2]

    lines = welcome("http://[::1]:9000", 9001, models, Path("keys.jsonl")).splitlines()
    assert lines[1] == "grpc   port 9001"
    assert lines[3].endswith(" --url 'http://[::1]:9000'")
    assert "keys.jsonl: add --key KEY" in lines[4]


@pytest.mark.parametrize(
    ("models", "example"),
    [
        (["a", "housing", "image"], "predict housing"),
        (["churn", "a b"], "predict 'a b'"),
        (["churn", "-an-option"], "predict churn"),
    ],
)
def test_the_line_to_try_asks_a_model_that_is_there(models: list[str], example: str) -> None:
    lines = welcome("http://127.0.0.1:8000", None, models, None).splitlines()

    assert lines[2].endswith(example)


BROKEN = "no version is available: version 1 is END (DATA_LOSS)"


def test_if_no_model_can_be_loaded_the_reason_is_told_at_once() -> None:
    errors = [{"field": "churn", "message": BROKEN}]
    problem = {"detail": f"churn: {BROKEN}", "errors": errors}
    with (
        stranger(503, json.dumps(problem).encode()) as url,
        pytest.raises(CannotStart, match=r"^churn: no version is available"),
    ):
        wait_until_ready(url)


@pytest.mark.parametrize(
    "state", ["version 1 is LOADING", "version 1 is START", "it knows of none"]
)
def test_models_that_are_still_to_come_are_waited_for(
    state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfgate.up.START_SECONDS", 0)
    reason = f"no version is available: {state}"
    ready = {"status": "ready", "missing": {"broken": BROKEN, "slow": reason}}
    with (
        stranger(200, json.dumps(ready).encode()) as url,
        pytest.raises(CannotStart, match=r"still loading: slow$"),
    ):
        wait_until_ready(url)


def test_a_model_that_cannot_be_loaded_keeps_nobody_waiting() -> None:
    ready = {"status": "ready", "missing": {"broken": BROKEN}}
    with stranger(200, json.dumps(ready).encode()) as url:
        assert wait_until_ready(url) == {"broken": BROKEN}


def test_a_host_that_is_none_is_named() -> None:
    for host in ("nowhere.invalid", "a..b", "203.0.113.1"):
        message = refused(f"--host={host}", TFGATE_ALLOW_ANONYMOUS="true")

        assert f"cannot listen on {host}:8000" in message
        assert "--host" in message


def test_a_terminal_without_a_letter_gets_a_question_mark() -> None:
    """No environment variable but this one tells so of a terminal on every machine."""
    finished = subprocess.run(
        [*TFGATE, "predict", "image", "bücher….png"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=False,
    )

    assert finished.returncode == 2
    assert "cannot read bücher?.png" in finished.stderr.decode("latin-1")


def models_config(folder: Path, text: str) -> str:
    file = folder / "models.config"
    file.write_text(text)
    return f"--models-config={file}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no model"),
        ("model_config_list {}", "lists no model"),
        ("models: 3", "no field named"),
        ("model_config_list { config { base_path: '/' } }", "needs a name"),
        (
            "model_config_list { config { name: 'churn' base_path: 'models/churn' } }",
            "'models/churn'",
        ),
        ("model_config_list { config { name: 'churn' } }", "base_path of churn is ''"),
        (
            "model_config_list { config { name: 'churn' base_path: '/no/where' } }",
            "folder of versions",
        ),
    ],
)
def test_a_models_config_that_cannot_be_served_is_told(
    text: str, message: str, tmp_path: Path
) -> None:
    said = refused(models_config(tmp_path, text), exit_code=2)

    assert message in said
    assert "--models-config: " in said
    assert f"{tmp_path}/models.config" in said


def test_folders_are_named_in_one_place(tmp_path: Path) -> None:
    option = models_config(tmp_path, "")
    assert "either --repository or --models-config" in refused(
        option, "--repository=models", exit_code=2
    )


def test_a_models_config_of_ones_own_is_served_as_it_is(tmp_path: Path) -> None:
    """The model server, and the gateway, read the very file; nothing is written to it."""
    text = f'model_config_list {{ config {{ name: "churn" base_path: "{tmp_path}" }} }}'
    option = models_config(tmp_path, text)
    environment = with_model_server(tmp_path, f'echo "$@" > {tmp_path}/called\nexit 3')

    refused(f"--port={stack.free_port()}", option, PATH=environment["PATH"])

    assert f"--model_config_file={tmp_path}/models.config" in (tmp_path / "called").read_text()
    assert (tmp_path / "models.config").read_text() == text


def test_models_come_and_go_with_a_models_config(tmp_path: Path) -> None:
    line = f'config {{ name: "%s" base_path: "{tmp_path}" }}'
    file = tmp_path / "models.config"
    file.write_text(f"model_config_list {{ {line % 'churn'} }}")
    config = GivenConfig(file)
    assert set(config.models) == {"churn"}

    file.write_text(f"model_config_list {{ {line % 'churn'} {line % 'forest'} }}")
    config.look()
    assert set(config.models) == {"churn", "forest"}

    file.write_text("model_config_list { config {")
    config.look()
    assert set(config.models) == {"churn", "forest"}


def test_a_wrong_file_of_releases_is_told_before_anything_is_started(tmp_path: Path) -> None:
    file = tmp_path / "releases.toml"
    file.write_text("[models.sentiment]\nstable = 0\n")

    for said in (
        refused(f"--releases={file}", exit_code=2),
        refused(exit_code=2, TFGATE_RELEASES=str(file)),
    ):
        assert f"{file}:2: " in said


def test_versions_that_a_release_needs_are_kept_loaded(tmp_path: Path) -> None:
    """Of five versions, a model server has the two newest, and those that the release names."""
    for version in range(1, 6):
        write(tmp_path / "models" / "churn" / str(version), "saved_model.pb")
    releases = tmp_path / "releases.toml"
    releases.write_text("[models.churn]\nstable = 2\n")
    script = 'for flag; do case $flag in --model_config_file=*) cat "${flag#*=}"; esac; done'
    environment = with_model_server(tmp_path, f"({script}) > {tmp_path}/config\nexit 3")
    options = [f"--repository={tmp_path}/models", f"--port={stack.free_port()}"]

    refused(*options, f"--releases={releases}", PATH=environment["PATH"])

    config = text_format.Parse((tmp_path / "config").read_text(), ModelServerConfig())
    [churn] = config.model_config_list.config
    assert set(churn.model_version_policy.specific.versions) == {2, 4, 5}


def test_what_is_loaded_is_told_with_versions_and_labels(tmp_path: Path) -> None:
    for version in (1, 2, 10):
        write(tmp_path / "churn" / str(version), "saved_model.pb")
    config = f'name: "churn" base_path: "{tmp_path}/churn"'
    policies = {
        "": "version 10",
        "latest { num_versions: 2 }": "version 2, 10",
        "all {}": "version 1, 2, 10",
        "specific { versions: 1 versions: 9 }": "version 1",
    }
    file = tmp_path / "models.config"
    for policy, told in policies.items():
        versions = f"model_version_policy {{ {policy} }}"
        file.write_text(f"model_config_list {{ config {{ {config} {versions} }} }}")
        assert found(file, tmp_path) == f"loading 1 model from {tmp_path}\n  churn  generic  {told}"

    label = 'version_labels { key: "live" value: 10 }'
    file.write_text(f"model_config_list {{ config {{ {config} {label} }} }}")
    assert found(file, file).endswith("generic  version 10 (live)")
