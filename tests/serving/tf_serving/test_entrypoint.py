"""The entrypoint as a container runs it, with the embedded server in the place of the real one."""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from serving.embedded.flags import parse
from serving.tf_serving.follower import Follower
from tests import stack
from tests.serving.embedded.numbered import answer, request, write_version

FOLDER = stack.ROOT / "serving" / "tf_serving"

# The flags of TensorFlow Serving 2.19 and 2.20 that concern who runs it; model_servers/main.cc.
FLAGS = {
    *("port", "grpc_max_threads", "grpc_channel_arguments", "enable_grpc_healthcheck_service"),
    *("rest_api_port", "rest_api_num_threads", "rest_api_timeout_in_ms", "monitoring_config_file"),
    *("model_name", "model_config_file", "model_config_file_poll_wait_seconds"),
    *("allow_version_labels_for_unavailable_models", "file_system_poll_wait_seconds"),
    *("max_num_load_retries", "load_retry_interval_micros", "num_load_threads"),
    *("num_unload_threads", "flush_filesystem_caches", "saved_model_tags"),
    *("enable_model_warmup", "num_request_iterations_for_warmup", "enable_profiler"),
    *("enable_batching", "batching_parameters_file", "enable_per_model_batching_parameters"),
    *("per_process_gpu_memory_fraction", "xla_gpu_compilation_enabled"),
    *("tensorflow_session_parallelism", "tensorflow_session_config_file"),
    *("tensorflow_intra_op_parallelism", "tensorflow_inter_op_parallelism"),
    *("enable_serialization_as_tensor_content", "ssl_config_file", "mixed_precision"),
}


def put_on_path(folder: Path, command: str) -> dict[str, str]:
    """Let `command` answer to the server's name; returns the environment in which it does."""
    folder.mkdir()
    program = folder / "tensorflow_model_server"
    program.write_text(f"#!/bin/sh\n{command}\n")
    program.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def arguments(tmp_path: Path, *given: str, **environment: str) -> list[str]:
    """Return the arguments that the server would get."""
    path = put_on_path(tmp_path / "bin", 'printf "%s\\n" "$@"')
    finished = subprocess.run(
        ["bash", FOLDER / "entrypoint.sh", *given],
        env={**os.environ, **environment, **path},
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return finished.stdout.splitlines()


@contextmanager
def entrypoint(
    tmp_path: Path, repository: Path, port: int, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the entrypoint with its models elsewhere."""
    embedded = shlex.join([sys.executable, "-m", "serving.embedded"])
    path = put_on_path(tmp_path / "bin", f'exec {embedded} "$@"')
    config = tmp_path / "models.config"
    Follower(repository, config)
    environment["TF_SERVING_MODELS_CONFIG"] = str(config)
    command = ["bash", str(FOLDER / "entrypoint.sh"), f"--port={port}"]
    with stack.process(command, **environment, **path) as running:
        yield running


def test_every_flag_is_one_that_the_server_has(tmp_path: Path) -> None:
    flags = arguments(tmp_path, TF_SERVING_BATCHING="gpu")
    names = [flag.removeprefix("--").partition("=")[0] for flag in flags]

    assert [name for name in names if name not in FLAGS] == []
    assert parse(flags).unknown == ()
    assert len(names) == len(set(names))


def test_calls_are_put_together_only_where_asked_for(tmp_path: Path) -> None:
    assert not parse(arguments(tmp_path)).flags.enable_batching


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_batching_file_is_that_of_the_device(device: str, tmp_path: Path) -> None:
    flags = parse(arguments(tmp_path, TF_SERVING_BATCHING=device)).flags

    flags.check()
    assert flags.batching_parameters_file == str(FOLDER / f"batching-{device}.config")


@pytest.mark.parametrize(("found", "precision"), [("true", "bfloat16"), ("false", "")])
def test_bfloat16_is_asked_of_processors_that_have_it(
    found: str, precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grep = tmp_path / "grep"  # what looks the processor up
    grep.write_text(f"#!/bin/sh\nexec {found}\n")
    grep.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    flags = parse(arguments(tmp_path, TF_SERVING_MIXED_PRECISION="bfloat16")).flags

    flags.check()
    assert flags.mixed_precision == precision


def test_bfloat16_is_asked_for_only_where_wanted(tmp_path: Path) -> None:
    assert not parse(arguments(tmp_path)).flags.mixed_precision


def test_a_flag_that_is_given_overrides_the_files(tmp_path: Path) -> None:
    assert parse(arguments(tmp_path, "--port=9000")).flags.port == 9000


def test_there_are_as_many_threads_as_processors_at_most(tmp_path: Path) -> None:
    flags = parse(arguments(tmp_path)).flags

    assert 1 <= flags.tensorflow_intra_op_parallelism <= (os.cpu_count() or 1)
    assert flags.tensorflow_inter_op_parallelism == flags.tensorflow_intra_op_parallelism


def test_a_device_without_a_file_is_refused() -> None:
    finished = subprocess.run(
        ["bash", FOLDER / "entrypoint.sh"],
        env={**os.environ, "TF_SERVING_BATCHING": "tpu"},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert finished.returncode == 2
    assert "TF_SERVING_BATCHING is 'tpu'" in finished.stderr
    assert "use cpu or gpu" in finished.stderr


def test_the_shipped_models_are_served_and_sigterm_reaches_the_server(tmp_path: Path) -> None:
    repository, port = tmp_path / "models", stack.free_port()
    for number, name in enumerate(stack.SHIPPED_VERSIONS, start=1):
        write_version(repository / name, number)
    with (
        entrypoint(tmp_path, repository, port, TF_SERVING_BATCHING="gpu") as running,
        grpc.insecure_channel(f"127.0.0.1:{port}") as channel,
    ):
        assert is_healthy(channel, running)
        for number, name in enumerate(stack.SHIPPED_VERSIONS, start=1):
            assert answer(channel, request(model=name)) == number
        # The script has made way: its process is the server, and nobody stands in between.
        assert "serving.embedded" in psutil.Process(running.pid).cmdline()

        running.send_signal(signal.SIGTERM)

        assert running.wait(stack.STOP_SECONDS) == 0


def is_healthy(channel: grpc.Channel, running: subprocess.Popen[bytes]) -> bool:
    """Wait as a gRPC probe does."""
    response = health_pb2_grpc.HealthStub(channel).Check(
        health_pb2.HealthCheckRequest(), wait_for_ready=True, timeout=stack.START_SECONDS
    )
    serving: bool = response.status == health_pb2.HealthCheckResponse.SERVING
    return serving and running.poll() is None
