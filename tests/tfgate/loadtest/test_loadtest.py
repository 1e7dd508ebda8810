"""`tfgate loadtest` as a person meets it, against the real stack and against a broken one."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import psutil
import pytest

from serving.models import MODELS
from soak.model_server import ModelServer
from tests import stack
from tests.readings import reading
from tfgate.cli import LoadShape

TFGATE = [sys.executable, "-m", "tfgate"]
TIMEOUT_SECONDS = 150


def loadtest(*options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TFGATE, "loadtest", *options],
        env={**os.environ, "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )


def check_is_one_sentence(finished: subprocess.CompletedProcess[str], exit_code: int) -> None:
    assert finished.returncode == exit_code, finished.stderr
    assert len(finished.stderr.strip().splitlines()) == 1, finished.stderr


def requests_of(table: str, model: str) -> int:
    """Read the first figure of a model's row."""
    found = re.search(rf"{model} +([\d,]+) ", table)
    assert found is not None, table
    return int(found[1].replace(",", ""))


def test_twenty_seconds_of_all_models_meet_their_objectives(gateway: str, tmp_path: Path) -> None:
    report = tmp_path / "reports" / "loadtest.html"

    finished = loadtest(
        *(f"--url={gateway}/", "--users=20", "--duration=20s", f"--html={report}"),
        "--objective=failures<0.1%,max<30s,requests>0.5/s",
    )

    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "every objective was met" in finished.stdout
    page = report.read_text()
    for model in MODELS:
        assert requests_of(finished.stdout, model) > 20
        assert f'"name": "{model}"' in page
    assert '"history": [{' in page


def test_a_missed_objective_is_named_with_its_model_and_ends_with_one(
    gateway: str, tmp_path: Path
) -> None:
    finished = loadtest(
        *(f"--url={gateway}", "--users=4", "--duration=3s", f"--html={tmp_path / 'l.html'}"),
        *("--model=housing", "--shape=spike", "--objective=failures<1%,p50<0.1ms"),
    )

    assert finished.returncode == 1
    assert re.search(
        r"1 missed\n +housing misses p50<0.1ms: \d+ ms, \S+ ms too much", finished.stderr
    )
    assert "image" not in finished.stdout


def test_a_gateway_whose_model_server_is_away_is_not_even_asked(tmp_path: Path) -> None:
    with stack.gateway(f"127.0.0.1:{stack.free_port()}") as url:
        finished = loadtest(f"--url={url}", f"--html={tmp_path / 'l.html'}")

    assert finished.returncode == 1
    assert "cannot be reached" in finished.stderr
    assert "Traceback" not in finished.stderr


def test_a_model_server_that_stops_meanwhile_shows_as_failures_by_kind(tmp_path: Path) -> None:
    options = ["--users=12", "--duration=12s", f"--html={tmp_path / 'l.html'}"]
    with ModelServer(stack.SHIPPED_MODELS, tmp_path) as server:
        server.start()
        with stack.gateway(server.address) as url:
            stack.wait_until_ready(url)
            with running(f"--url={url}", *options) as started:
                wait_until_asked(url)
                server.kill()
                said, complaint = started.communicate(timeout=TIMEOUT_SECONDS)

    assert started.returncode == 1, complaint
    assert "503 model-server-unavailable" in said
    for model in MODELS:
        assert f"{model} misses failures<0.1%" in complaint


@contextmanager
def running(*options: str) -> Iterator[subprocess.Popen[str]]:
    """Run a load test beside; whatever it left behind afterwards is an error."""
    with subprocess.Popen(
        [*TFGATE, "loadtest", *options],
        env={**os.environ, "COLUMNS": "80"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def wait_until_asked(url: str) -> None:
    def asked() -> bool:
        return reading(url, "tfgate_requests_total") > 3

    stack.wait_until(asked, "a request")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_when_it_is_stopped_it_shows_what_is_there_and_leaves_nothing_behind(
    model_server: str, tmp_path: Path, stop: signal.Signals
) -> None:
    report = tmp_path / "loadtest.html"
    with stack.gateway(model_server) as url:
        stack.wait_until_ready(url)
        with running(f"--url={url}", "--users=5", "--duration=1h", f"--html={report}") as started:
            wait_until_asked(url)
            children = psutil.Process(started.pid).children(recursive=True)
            started.send_signal(stop)
            said, complaint = started.communicate(timeout=TIMEOUT_SECONDS)

    assert started.returncode == 130
    assert re.search(r"stopped after \d+ of 3600 seconds", complaint)
    assert sum(requests_of(said, model) for model in MODELS) > 3
    assert '"history": [' in report.read_text()
    assert len(children) == 1
    assert not children[0].is_running()


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (["--objective=p99<fast"], 2, "'p99<fast' is no objective"),
        (["--duration=soon"], 2, "'soon' is no duration"),
        (["--html=/dev/null/l.html"], 2, "cannot write /dev/null/l.html"),
        (["--model=weather"], 1, "there is no model 'weather'"),
        (["--url=http://127.0.0.1:9"], 1, "no gateway answers"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    gateway: str, tmp_path: Path, options: list[str], exit_code: int, message: str
) -> None:
    finished = loadtest(f"--url={gateway}", f"--html={tmp_path / 'l.html'}", *options)

    check_is_one_sentence(finished, exit_code)
    assert message in finished.stderr


def test_a_shape_that_is_none_is_answered_with_those_that_are() -> None:
    finished = loadtest("--shape=circle")

    assert finished.returncode == 2
    assert all(f"'{shape}'" in finished.stderr for shape in ("circle", *get_args(LoadShape)))


def test_without_locust_it_names_the_extra() -> None:
    code = (
        "import sys; sys.modules.update(locust=None);from tfgate.cli import app; app(['loadtest'])"
    )

    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )

    check_is_one_sentence(finished, 2)
    assert "locust" in finished.stderr
    assert "tfgate[load]" in finished.stderr


def test_outside_a_checkout_it_says_where_the_users_are(tmp_path: Path) -> None:
    for package in ("proto", "serving", "tfgate"):
        shutil.copytree(stack.ROOT / package, tmp_path / package)

    finished = subprocess.run(
        [*TFGATE, "loadtest"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    check_is_one_sentence(finished, 2)
    assert str(tmp_path / "tests" / "load" / "locustfile.py") in finished.stderr
    assert "Clone the repository" in finished.stderr
