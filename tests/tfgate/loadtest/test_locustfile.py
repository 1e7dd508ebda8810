"""The locust file as locust runs it by itself, with its web page; tests/k8s has the other way."""

import re
import subprocess
import sys
from typing import Any

import httpx

from serving.models import MODELS
from tests import stack
from tests.tfgate.loadtest.stand_in import DECLARED, GENERIC, StandIn, standing_in
from tfgate.loadtest.load_test import LOCUSTFILE

LOCUST = [sys.executable, "-m", "locust", f"--locustfile={LOCUSTFILE}"]
KEY = "a-key-that-nobody-else-has"


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
    assert {row["name"] for row in found["stats"]} == {*MODELS, DECLARED, GENERIC, "Aggregated"}


def test_without_any_model_to_ask_it_fails_and_says_why() -> None:
    with standing_in(StandIn(key=KEY)) as gateway:
        options = ["--headless", "--users=2", "--run-time=1s", f"--host={gateway.url}"]
        finished = subprocess.run(
            [*LOCUST, *options], capture_output=True, text=True, check=False, timeout=120
        )

    assert finished.returncode == 1
    assert re.search(r"GET +models +1 +1\(100.00%\)", finished.stderr)
    assert f"GET {gateway.url}/models: HTTP Error 401" in finished.stderr


def figures(page: str) -> dict[str, Any]:
    read: dict[str, Any] = httpx.get(f"{page}/stats/requests").json()
    return read
