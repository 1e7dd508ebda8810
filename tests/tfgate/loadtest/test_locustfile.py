"""The locust file as locust runs it by itself: as a master with a worker, and with its web page."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from serving.models import MODELS
from tests import stack
from tests.tfgate.loadtest.stand_in import StandIn, standing_in
from tfgate.loadtest.load_test import LOCUSTFILE

LOCUST = [sys.executable, "-m", "locust", f"--locustfile={LOCUSTFILE}"]
KEY = "a-key-that-nobody-else-has"


def rows(results: Path, kind: str) -> list[dict[str, str]]:
    with results.with_name(f"{results.name}_{kind}.csv").open() as file:
        return list(csv.DictReader(file))


def test_a_master_and_its_worker_are_answered_without_a_failure(tmp_path: Path) -> None:
    port, results = stack.free_port(), tmp_path / "results"
    worker = [*LOCUST, "--worker", "--master-host=127.0.0.1", f"--master-port={port}"]
    master = [
        *(*LOCUST, "--master", "--master-bind-host=127.0.0.1", f"--master-bind-port={port}"),
        *("--headless", "--only-summary", "--expect-workers=1", f"--csv={results}"),
        *("--users=12", "--spawn-rate=12", "--run-time=3s", "--stop-timeout=30"),
    ]
    with standing_in(StandIn()) as gateway, stack.process(worker):
        finished = subprocess.run(
            [*master, f"--host={gateway.url}"],
            cwd=stack.ROOT,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )

    assert finished.returncode == 0, finished.stderr
    assert rows(results, "failures") == []
    asked = {row["Name"]: int(row["Request Count"]) for row in rows(results, "stats")}
    assert all(asked[model] > 0 for model in MODELS)


def test_the_web_page_offers_the_shapes_keeps_the_key_and_runs() -> None:
    port = stack.free_port()
    page = f"http://127.0.0.1:{port}"
    with standing_in(StandIn(key=KEY)) as gateway:
        command = [*LOCUST, f"--host={gateway.url}", "--web-host=127.0.0.1", f"--web-port={port}"]
        form = {"user_count": 12, "spawn_rate": 12, "run_time": "3s", "host": gateway.url}
        with stack.process(command, TFGATE_API_KEY=KEY):
            stack.wait_until(lambda: stack.answers(page), "the web page")
            source = httpx.get(page).text
            begun = httpx.post(f"{page}/swarm", data={**form, "shape": "steady"}).json()
            assert begun["success"]
            stack.wait_until(lambda: figures(page)["state"] == "stopped", "the end")
            found = figures(page)

    assert '["steady", "ramp", "spike", "soak"]' in source
    assert KEY not in source
    assert found["errors"] == []
    assert {row["name"] for row in found["stats"]} == {*MODELS, "Aggregated"}


def figures(page: str) -> dict[str, Any]:
    read: dict[str, Any] = httpx.get(f"{page}/stats/requests").json()
    return read
