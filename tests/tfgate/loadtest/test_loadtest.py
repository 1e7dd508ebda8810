"""`tfgate loadtest` as a person meets it: what it says, and its exit codes."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import psutil
import pytest
from typer.testing import CliRunner, Result

from serving.models import MODELS
from tests import stack
from tests.proxy import RefusingProxy
from tests.tfgate.loadtest.stand_in import DECLARED, GENERIC, StandIn, standing_in
from tfgate.cli import LoadShape, app

TFGATE = [sys.executable, "-m", "tfgate"]
TIMEOUT_SECONDS = 150
KEY = "a-key-that-nobody-else-has"


@contextmanager
def running(*options: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """Run a load test beside; it is ended afterwards."""
    with subprocess.Popen(
        [*TFGATE, "loadtest", *options],
        env={**os.environ, "COLUMNS": "80", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def requests_of(table: str, model: str) -> int:
    """Read the first figure of a model's row."""
    found = re.search(rf"{model} +([\d,]+) ", table)
    assert found is not None, table
    return int(found[1].replace(",", ""))


def test_all_models_are_asked_with_the_key_and_a_report_is_written(tmp_path: Path) -> None:
    report = tmp_path / "reports" / "loadtest.html"
    with (
        RefusingProxy() as proxy,
        standing_in(StandIn(key=KEY)) as gateway,
        running(
            *(f"--url={gateway.url}/", "--users=60", "--duration=3s", f"--html={report}"),
            "--objective=failures<0.1%,max<30s,requests>0/s",
            TFGATE_API_KEY=KEY,
            **proxy.environment,
        ) as started,
    ):
        said, complaint = started.communicate(timeout=TIMEOUT_SECONDS)

    assert started.returncode == 0, said + complaint
    assert proxy.asked == []
    assert "every objective was met" in said
    page = report.read_text()
    for model in (*MODELS, DECLARED, GENERIC):
        assert requests_of(said, model) > 0
        assert f'"name": "{model}"' in page
    assert '"history": [' in page


def test_failures_are_told_by_kind_and_missed_objectives_by_model(tmp_path: Path) -> None:
    refusals = {"housing": (503, "model-server-unavailable"), "image": (429, "overloaded")}
    with (
        standing_in(StandIn(refusals)) as gateway,
        running(
            *(f"--url={gateway.url}", "--users=60", "--duration=3s"),
            *(f"--html={tmp_path / 'l.html'}", "--objective=failures<1%,p50<0.1ms"),
        ) as started,
    ):
        said, complaint = started.communicate(timeout=TIMEOUT_SECONDS)

    assert started.returncode == 1, complaint
    assert re.search(r"housing +│ 503 model-server-unavailable", said)
    assert re.search(r"image +│ shed ", said)
    assert re.search(r"sentiment misses p50<0.1ms: \d+ ms, \S+ ms too much", complaint)
    assert "7 missed\n" in complaint
    for model in refusals:
        assert f"{model} misses failures<1%: 100%, 99 points too much" in complaint


def test_when_it_is_stopped_it_shows_what_is_there_and_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    report = tmp_path / "loadtest.html"
    options = ["--users=10", "--duration=1h", "--model=housing", "--shape=spike"]
    with (
        standing_in(StandIn()) as gateway,
        running(f"--url={gateway.url}", f"--html={report}", *options) as started,
    ):
        stack.wait_until(lambda: gateway.asked["housing"] > 2, "a request")
        children = psutil.Process(started.pid).children(recursive=True)
        started.send_signal(signal.SIGINT)
        said, complaint = started.communicate(timeout=TIMEOUT_SECONDS)

    assert started.returncode == 130
    assert re.search(r"stopped after \d+ of 3600 seconds", complaint)
    assert requests_of(said, "housing") > 2
    assert "image" not in said
    assert gateway.asked.keys().isdisjoint({"image", DECLARED, GENERIC})
    assert '"history": [' in report.read_text()
    assert len(children) == 1
    assert not children[0].is_running()


def loadtest(*options: str) -> Result:
    """Run one in this process that is sure to end at once."""
    return CliRunner().invoke(app, ["loadtest", *options])


def check_is_one_sentence(result: Result, exit_code: int) -> None:
    assert result.exit_code == exit_code, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr


@pytest.mark.parametrize(
    ("options", "exit_code", "message"),
    [
        (["--objective=p99<fast"], 2, "'p99<fast' is no objective"),
        (["--duration=soon"], 2, "'soon' is no duration"),
        (["--html=/dev/null/l.html"], 2, "cannot write /dev/null/l.html"),
        (["--url=http://127.0.0.1:9"], 1, "no gateway answers"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_sentence(
    tmp_path: Path, options: list[str], exit_code: int, message: str
) -> None:
    with standing_in(StandIn()) as gateway:
        result = loadtest(f"--url={gateway.url}", f"--html={tmp_path / 'l.html'}", *options)

    check_is_one_sentence(result, exit_code)
    assert message in result.stderr
    assert gateway.asked.keys().isdisjoint(MODELS)


@pytest.mark.parametrize("options", [[], ["--model=image"]])
def test_a_model_that_is_not_ready_is_not_even_asked(tmp_path: Path, options: list[str]) -> None:
    with standing_in(StandIn({"readyz/image": (503, "not-ready")})) as gateway:
        result = loadtest(f"--url={gateway.url}", f"--html={tmp_path / 'l.html'}", *options)

    check_is_one_sentence(result, 1)
    assert "it is not-ready" in result.stderr
    assert gateway.asked.keys().isdisjoint(MODELS)


def test_a_model_that_does_not_exist_is_named_by_the_gateway(tmp_path: Path) -> None:
    with standing_in(StandIn({"readyz/weather": (404, "unknown-model")})) as gateway:
        result = loadtest(
            f"--url={gateway.url}", f"--html={tmp_path / 'l.html'}", "--model=weather"
        )

    check_is_one_sentence(result, 1)
    assert "it is unknown-model" in result.stderr


def test_a_gateway_without_models_is_told(tmp_path: Path) -> None:
    with standing_in(StandIn(served=[])) as gateway:
        result = loadtest(f"--url={gateway.url}", f"--html={tmp_path / 'l.html'}")

    check_is_one_sentence(result, 1)
    assert "serves no model" in result.stderr


def test_a_key_that_the_gateway_does_not_know_is_told_before_anybody_asks(tmp_path: Path) -> None:
    with standing_in(StandIn(key=KEY)) as gateway:
        result = loadtest(f"--url={gateway.url}", f"--html={tmp_path / 'l.html'}", "--key=other")

    check_is_one_sentence(result, 1)
    assert "TFGATE_API_KEY" in result.stderr


def test_a_shape_that_is_none_is_answered_with_those_that_are() -> None:
    result = loadtest("--shape=circle")

    assert result.exit_code == 2
    assert all(f"'{shape}'" in result.stderr for shape in ("circle", *get_args(LoadShape)))


def test_without_locust_it_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    # An entry of None makes Python say that there is no such module.
    monkeypatch.setitem(sys.modules, "locust", None)

    result = loadtest()

    check_is_one_sentence(result, 2)
    assert "locust" in result.stderr
    assert "tfgate[load]" in result.stderr
