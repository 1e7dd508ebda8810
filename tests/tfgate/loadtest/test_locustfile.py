"""The locust file as locust runs it: alone, as a master with its workers, with its web page."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.models import MODELS
from tests import stack
from tfgate.loadtest.load_test import LOCUSTFILE

LOCUST = [sys.executable, "-m", "locust", f"--locustfile={LOCUSTFILE}"]
KEY = "a key that nobody else has"


def swarm(url: str, results: Path, *options: str, **environment: str) -> None:
    """Run locust for a few seconds; its exit code says nothing but whether a request failed."""
    command = [
        *(*LOCUST, "--headless", "--only-summary", f"--host={url}", f"--csv={results}"),
        *("--users=12", "--spawn-rate=12", "--run-time=6s", "--stop-timeout=30", *options),
    ]
    finished = subprocess.run(
        command,
        cwd=stack.ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert finished.returncode in (0, 1), finished.stderr


def rows(results: Path, kind: str) -> list[dict[str, str]]:
    with results.with_name(f"{results.name}_{kind}.csv").open() as file:
        return list(csv.DictReader(file))


def check_all_answered(results: Path) -> None:
    assert rows(results, "failures") == []
    asked = {row["Name"]: int(row["Request Count"]) for row in rows(results, "stats")}
    for model in MODELS:
        assert asked[model] > 0


def test_a_master_and_two_workers_are_answered_without_a_failure(
    gateway: str, tmp_path: Path
) -> None:
    port = stack.free_port()
    worker = [*LOCUST, "--worker", "--master-host=127.0.0.1", f"--master-port={port}"]
    with ExitStack() as workers:
        for _ in range(2):
            workers.enter_context(stack.process(worker))
        master = ["--master", "--master-bind-host=127.0.0.1", f"--master-bind-port={port}"]
        swarm(gateway, tmp_path / "results", *master, "--expect-workers=2", "--shape=ramp")

    check_all_answered(tmp_path / "results")


def test_the_web_page_offers_the_shapes_keeps_the_key_and_runs(gateway: str) -> None:
    port = stack.free_port()
    page = f"http://127.0.0.1:{port}"
    command = [*LOCUST, f"--host={gateway}", "--web-host=127.0.0.1", f"--web-port={port}"]
    form = {"user_count": 12, "spawn_rate": 12, "run_time": "5s", "shape": "ramp", "host": gateway}
    with stack.process(command, TFGATE_API_KEY=KEY):
        stack.wait_until(lambda: stack.answers(page), "the web page")
        source = httpx.get(page).text
        assert httpx.post(f"{page}/swarm", data=form).json()["success"]
        stack.wait_until(lambda: figures(page)["state"] == "stopped", "the end")
        found = figures(page)

    assert '["steady", "ramp", "spike", "soak"]' in source
    assert KEY not in source
    assert found["errors"] == []
    assert {row["name"] for row in found["stats"]} == {*MODELS, "Aggregated"}


def figures(page: str) -> dict[str, Any]:
    read: dict[str, Any] = httpx.get(f"{page}/stats/requests").json()
    return read


@pytest.fixture
def guarded_gateway(model_server: str, tmp_path: Path) -> Iterator[str]:
    """The URL of a gateway that wants the key."""
    keys = tmp_path / "keys.jsonl"
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    keys.write_text(json.dumps({"name": "loadtest", "sha256": digest}) + "\n")
    with stack.gateway(model_server, keys_file=str(keys)) as url:
        stack.wait_until_ready(url)
        yield url


def test_the_key_in_the_environment_is_sent(guarded_gateway: str, tmp_path: Path) -> None:
    swarm(guarded_gateway, tmp_path / "results", TFGATE_API_KEY=KEY)

    check_all_answered(tmp_path / "results")


def test_without_a_key_every_failure_is_named_after_the_problem(
    guarded_gateway: str, tmp_path: Path
) -> None:
    swarm(guarded_gateway, tmp_path / "results")

    failures = rows(tmp_path / "results", "failures")
    assert {row["Name"] for row in failures} == set(MODELS)
    assert all("401 unauthenticated" in row["Error"] for row in failures)
