"""Several workers behind one port: they share the load, and one program's life."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import stack
from tests.workers import listening, ports

UNKNOWN = {"model": "unknown", "version": "none", "outcome": "unknown-model"}
Gateway = tuple[subprocess.Popen[bytes], str]


@pytest.fixture(scope="module")
def gateway_with_two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    # A parent that is killed cannot remove its temporary folder.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("metrics")))
        with stack.gateway_process(workers="2") as (running, url):
            stack.wait_until(lambda: len(listening(running)) == 2, "both workers")
            yield running, url


def test_every_worker_gets_connections(gateway_with_two: Gateway) -> None:
    running, url = gateway_with_two
    address = ("127.0.0.1", httpx.URL(url).port)
    with ExitStack() as connections:
        for _ in range(32):
            connections.enter_context(socket.create_connection(address))

        stack.wait_until(lambda: all(map(num_established, listening(running))), "connections")


def test_a_port_of_another_gateway_is_refused(gateway_with_two: Gateway) -> None:
    _, url = gateway_with_two
    port = httpx.URL(url).port

    finished = run_gateway(TFGATE_WORKERS="2", TFGATE_PORT=str(port))

    assert finished.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in finished.stderr


def test_any_worker_shows_what_all_have_counted_and_those_that_died(
    gateway_with_two: Gateway,
) -> None:
    running, url = gateway_with_two
    before = listening(running)
    for _ in range(40):
        get(url, "/predict/invented", method="POST")
    for _ in range(10):
        assert value(url, "tfgate_requests_total", UNKNOWN) == 40
    assert "pid=" not in get(url, "/metrics"), "a gauge is not summed"

    with half_a_request(url):
        housing = {"model": "housing"}
        stack.wait_until(lambda: value(url, "tfgate_requests_in_flight", housing) == 1, "a request")
        for worker in before:
            worker.kill()
            worker.wait(stack.STOP_SECONDS)
            stack.wait_until(lambda: len(listening(running)) == 2, "another worker")

    assert not {worker.pid for worker in before} & {w.pid for w in listening(running)}
    assert value(url, "tfgate_requests_total", UNKNOWN) == 40
    assert value(url, "tfgate_requests_in_flight", housing) == 0


def test_when_the_parent_is_killed_the_workers_end_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # as above
    with stack.gateway_process(workers="2") as (running, url):
        stack.wait_until(lambda: len(listening(running)) == 2, "both workers")
        workers = listening(running)

        running.kill()

        assert psutil.wait_procs(workers, stack.STOP_SECONDS)[1] == []
        assert not stack.answers(f"{url}/healthz")


def test_whatever_port_was_free_is_shared_and_who_hangs_there_holds_the_stop_up_only_so_long() -> (
    None
):
    command = [sys.executable, "-m", "tfgate", "gateway", "--workers", "2", "--port", "0"]
    at_once = {"TFGATE_DRAIN_SECONDS": "0", "TFGATE_SHUTDOWN_GRACE_SECONDS": "0"}
    with stack.process(command, **at_once) as running:
        stack.wait_until(lambda: len(listening(running)) == 2, "both workers")
        assert len({port for worker in listening(running) for port in ports(worker)}) == 1
        hanging, _ = listening(running)
        hanging.suspend()

        running.send_signal(signal.SIGTERM)

        assert running.wait(stack.STOP_SECONDS) == 0
        assert not hanging.is_running()


def test_workers_that_die_at_their_start_end_the_whole(tmp_path: Path) -> None:
    """What a worker imports, and its parent does not, is broken here."""
    (tmp_path / "fastapi.py").write_text("raise SystemExit('broken on purpose')")

    finished = run_gateway(TFGATE_WORKERS="2", PYTHONPATH=str(tmp_path))

    assert finished.returncode == 1
    assert "broken on purpose" in finished.stderr
    assert "a worker exited with code 1, as did those before it" in finished.stderr


def run_gateway(**environment: str) -> subprocess.CompletedProcess[str]:
    """Run a gateway that must end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "serving.gateway"],
        cwd=stack.ROOT,
        env={**os.environ, "TFGATE_PORT": "0", **environment},
        capture_output=True,
        text=True,
        timeout=stack.START_SECONDS,
        check=False,
    )


def num_established(process: psutil.Process) -> int:
    connections = process.net_connections("tcp")
    return sum(connection.status == psutil.CONN_ESTABLISHED for connection in connections)


def get(url: str, path: str, method: str = "GET") -> str:
    """Ask on a new connection, and so any of the workers."""
    with closing(HTTPConnection(url.removeprefix("http://"))) as connection:
        connection.request(method, path)
        return connection.getresponse().read().decode()


def value(url: str, name: str, labels: dict[str, str]) -> float:
    """Return one sample of the metrics."""
    (found,) = [
        sample.value
        for family in text_string_to_metric_families(get(url, "/metrics"))
        for sample in family.samples
        if (sample.name, sample.labels) == (name, labels)
    ]
    return found


@contextmanager
def half_a_request(url: str) -> Iterator[None]:
    """Keep a request in progress by holding back the rest of its body."""
    with socket.create_connection(("127.0.0.1", httpx.URL(url).port)) as connection:
        head = "POST /predict/housing HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        connection.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        yield
