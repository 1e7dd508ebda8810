"""The program as a process: deadlines, signals, ports, and a configuration file that changes."""

import gc
import logging
import signal
import socket
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.embedded.__main__ import main
from serving.embedded.flags import parse
from serving.embedded.server import ModelServer
from serving.embedded.statuses import StatusError
from tests.contract.tf_serving import held, recorded, saved_models
from tests.contract.tf_serving.servers import (
    channel_to,
    connects,
    embedded_server,
    main_until_sigterm,
    signals_and_collector_restored,
    wait_until_available,
    write_config,
)
from tests.serving.embedded.numbered import answer, request, states, write_version
from tests.stack import free_port, wait_until


def slow_call(seconds: float) -> recorded.Case:
    """Return the recorded slow call, which lasts until it is released, with another deadline."""
    cases = recorded.read("reload_sequence")
    case = next(case for case in cases if case["id"] == "slow_in_flight_during_unload")
    return {**recorded.until_released(case), "client_timeout_s": seconds}


def test_terminating_lets_calls_in_flight_finish(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    version, port = tmp_path / "1", free_port()
    saved_models.build_slow(version)
    flags = [f"--port={port}", "--model_name=slow", f"--model_base_path={tmp_path}"]
    call = slow_call(seconds=60)

    def release_when_nobody_else_is_let_in() -> None:
        wait_until(lambda: not connects(port), "the stop")
        held.release(version)

    with channel_to(f"127.0.0.1:{port}") as channel, ThreadPoolExecutor(1) as beside:

        def start_a_call() -> tuple[grpc.Future, Future[None]]:
            wait_until(lambda: "Running gRPC ModelServer" in caplog.text, "serving")
            in_flight = recorded.start(channel, call)
            # The server takes calls in order: when this one is answered, the long one is under way.
            wait_until_available(channel, "slow", 1)
            return in_flight, beside.submit(release_when_nobody_else_is_let_in)

        with caplog.at_level(logging.INFO):
            exit_code, (in_flight, released) = main_until_sigterm(flags, start_a_call)
        assert exit_code == 0
        assert recorded.outcome(in_flight, call) == recorded.expected(call)
        released.result()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_signal_stops_the_server_though_its_interrupt_is_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is raised while the garbage collector calls back goes no further."""
    write_version(tmp_path, 1)

    def terminate(phase: str, info: dict[str, int]) -> None:
        if info["generation"] == 2 and callable(signal.getsignal(signal.SIGTERM)):
            signal.raise_signal(signal.SIGTERM)

    gc.callbacks.append(terminate)
    try:
        with caplog.at_level(logging.INFO):
            exit_code, _ = main_until_sigterm(
                [f"--port={free_port()}", f"--model_base_path={tmp_path}"],
                lambda: wait_until(lambda: "Stopped." in caplog.text, "the end", 20),
            )
    finally:
        gc.callbacks.remove(terminate)
    assert exit_code == 0


def test_a_deadline_ends_the_work_and_not_only_the_wait(tmp_path: Path) -> None:
    saved_models.build_slow(tmp_path / "1")
    endless = slow_call(seconds=0.3)
    empty = {**endless, "request": {}}
    flags = ["--model_name=slow", f"--model_base_path={tmp_path}", "--grpc_max_threads=2"]
    with embedded_server(*flags) as channel:
        # Short runs go another way through TensorFlow, which this model's must not.
        held.release(tmp_path / "1")
        assert recorded.ask(channel, slow_call(seconds=60)).code == "OK"
        assert recorded.ask(channel, slow_call(seconds=60)).code == "OK"
        held.hold(tmp_path / "1")
        assert recorded.ask(channel, endless).code == "DEADLINE_EXCEEDED"
        # The server's one place is free again only if the graph was stopped.
        wait_until(
            lambda: recorded.ask(channel, empty).text == "Missing ModelSpec", "the end of the work"
        )


def test_a_call_may_have_no_deadline(tmp_path: Path) -> None:
    write_version(tmp_path, 1)
    with embedded_server(f"--model_base_path={tmp_path}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        assert stub.Predict(request()).model_spec.version.value == 1


def test_a_taken_port_is_one_clear_sentence(caplog: pytest.LogCaptureFixture) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main([f"--port={port}", "--model_base_path=/models"]) != 0
    assert f"Cannot listen on 127.0.0.1:{port}" in caplog.text
    assert "choose another --port" in caplog.text


def test_a_changed_configuration_file_is_taken_up(tmp_path: Path) -> None:
    write_version(tmp_path / "first", 1)
    write_version(tmp_path / "second", 2)
    config = tmp_path / "models.config"
    write_config(config, {"other": tmp_path / "first"})
    flags = [f"--model_config_file={config}", "--model_config_file_poll_wait_seconds=1"]
    with embedded_server(*flags) as channel:
        config.write_text("no configuration")
        write_config(config, {"default": tmp_path / "second"})
        wait_until(lambda: served(channel), "the new configuration")
        assert answer(channel) == 2


def served(channel: grpc.Channel) -> bool:
    try:
        return states(channel)[2][0] == "AVAILABLE"
    except grpc.RpcError:
        return False


def test_a_socket_that_cannot_be_is_one_clear_sentence(tmp_path: Path) -> None:
    write_version(tmp_path, 1)
    flags = [
        "--port=0",
        f"--grpc_socket_path={tmp_path}/no/folder",
        f"--model_base_path={tmp_path}",
    ]
    server = ModelServer(parse(flags).flags)
    with pytest.raises(StatusError, match="Failed to BuildAndStart gRPC server"):
        server.start()
    server.stop()


def test_a_base_path_may_be_a_file_uri(tmp_path: Path) -> None:
    write_version(tmp_path, 1)
    with embedded_server(f"--model_base_path=file://{tmp_path}") as channel:
        assert answer(channel) == 1


def test_a_tensorflow_that_cannot_be_loaded_is_one_clear_sentence(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def serve(*_: object) -> None:
        raise ImportError("libtensorflow_cc.so.2: failed to map segment from shared object")

    monkeypatch.setattr("serving.embedded.__main__._serve", serve)
    with signals_and_collector_restored():
        assert main([f"--port={free_port()}", "--model_base_path=/models"]) != 0
    assert "TensorFlow cannot be loaded: libtensorflow_cc.so.2: failed to map" in caplog.text


@pytest.mark.parametrize(
    ("argument", "text"),
    [("--help", "--model_base_path="), ("--version", f"TensorFlow Library: {tf.__version__}")],
)
def test_what_can_be_asked_without_serving(
    argument: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument]) == 0
    assert text in capsys.readouterr().out
