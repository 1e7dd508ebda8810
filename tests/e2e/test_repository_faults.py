"""The model repository is damaged, or gone, while houses are asked for: the old version answers.

Permissions are left alone, since they stop nobody who runs as root.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.models import MODELS
from soak.clients import Clients, Outcome
from soak.model_server import ModelServer
from soak.versions import publish_version, shipped_version, write_version
from tests import stack
from tests.damage import GRAPH, WARMUP, cut, remove
from tests.e2e.under_load import QUESTIONS, errors, wait_for
from tests.readings import reading

HOUSES = [each for each in QUESTIONS if each.model == "housing"]
HOUSE: dict[str, Any] = MODELS["housing"].example.model_dump(mode="json")


@dataclass(frozen=True)
class Served:
    """A server of version 1 of housing, and a gateway before it that is asked without pause."""

    folder: Path
    server: ModelServer
    log: Path
    url: str
    outcomes: list[Outcome]

    def version(self, number: int) -> dict[str, Any]:
        """What GET /models says of a version; empty for none."""
        models = httpx.get(f"{self.url}/models").json()["models"]
        (housing,) = (model for model in models if model["name"] == "housing")
        return next((each for each in housing["versions"] if each["version"] == number), {})

    def wait_for_state(self, number: int, state: str) -> None:
        stack.wait_until(
            lambda: self.version(number).get("state") == state, f"version {number} {state}"
        )

    def wait_for_answer_by(self, number: int) -> None:
        heard = len(self.outcomes)
        stack.wait_until(
            lambda: any(e.ok and e.document["version"] == number for e in self.outcomes[heard:]),
            f"an answer by version {number}",
        )


@contextmanager
def serving(tmp_path: Path, *flags: str) -> Iterator[Served]:
    """Whatever a test does with the folder of the model, no request may fail."""
    folder, log = tmp_path / "models" / "housing", tmp_path / "server.log"
    outcomes: list[Outcome] = []
    shutil.copytree(shipped_version("housing"), folder / "1")
    with (
        log.open("wb") as output,
        ModelServer(folder.parent, tmp_path, *flags, log=output) as server,
    ):
        server.start()
        server.wait_until_it_answers()
        with (
            stack.gateway(server.address) as url,
            Clients(url, HOUSES, outcomes.append, num_clients=2),
        ):
            wait_for(outcomes, 200)
            yield Served(folder, server, log, url, outcomes)
    assert errors(outcomes) == []


# What is wrong with a version, and what is then said of it. Its weights are constants of its graph.
FAULTS = [
    (remove(GRAPH), "NOT_FOUND", "does not appear to contain a SavedModel"),
    (cut(GRAPH), "OUT_OF_RANGE", "Read less bytes than requested"),
    (cut(WARMUP), "DATA_LOSS", "Please verify your warmup data"),
]


def test_versions_that_fail_to_load_are_told_of_and_leave_the_old_one_serving(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, "--max_num_load_retries=0") as served:
        for number, (damage, _, text) in enumerate(FAULTS, start=2):
            draft = write_version("housing", number, served.folder)
            damage(draft)
            publish_version(draft)
            served.wait_for_state(number, "END")
            assert text in served.version(number)["error"]
        assert served.version(1) == {"version": 1, "state": "AVAILABLE", "error": None}
        codes = [code for _, code, _ in FAULTS]
        for code in codes:
            wait_for_reading(served, codes.count(code), "tfgate_model_failed_versions", code=code)
        wait_for_reading(served, len(FAULTS), "tfgate_model_versions", state="failed")
        wait_for_reading(served, 1, "tfgate_model_versions", state="available")

        good = len(FAULTS) + 2
        publish_version(write_version("housing", good, served.folder))
        served.wait_for_answer_by(good)

    assert {each.document["version"] for each in served.outcomes} == {1, good}


def wait_for_reading(served: Served, value: float, name: str, **labels: str) -> None:
    stack.wait_until(
        lambda: reading(served.url, name, model="housing", **labels) == value,
        f"{name} of {value} for {labels}",
    )


def test_a_half_copied_version_is_served_once_it_is_whole(tmp_path: Path) -> None:
    """It is copied in place, which publishing by renaming avoids; the graph is copied last."""
    with serving(tmp_path, "--load_retry_interval_micros=200000") as served:
        whole, half = write_version("housing", 2, served.folder), served.folder / "2"
        half.mkdir()
        shutil.copy(whole / GRAPH, half)
        cut(GRAPH)(half)
        served.wait_for_state(2, "LOADING")
        served.wait_for_answer_by(1)
        shutil.copytree(whole, half, dirs_exist_ok=True, ignore=shutil.ignore_patterns(GRAPH))
        (whole / GRAPH).rename(half / GRAPH)
        served.wait_for_answer_by(2)


def put_nothing(place: Path) -> None:
    """Leave the place empty, as a volume that is not there."""


def put_a_dangling_link(place: Path) -> None:
    place.symlink_to(place.with_name("nowhere"))


def put_a_file(place: Path) -> None:
    place.write_text("no folder")


@contextmanager
def replaced(folder: Path, put: Callable[[Path], None]) -> Iterator[None]:
    hidden = folder.rename(folder.with_name("hidden"))
    put(folder)
    try:
        yield
    finally:
        folder.unlink(missing_ok=True)
        hidden.rename(folder)


def wait_for_complaint(log: Path, folder: Path, *, after: int = 0) -> None:
    """Wait until the server says, later than `after` in its log, that it cannot read a folder."""
    complaint = f"Could not find base path {folder} for servable housing"
    stack.wait_until(lambda: complaint in log.read_text()[after:], "the server's complaint")


def test_an_unreadable_repository_changes_nothing_until_it_is_back(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        for number, put in enumerate([put_nothing, put_a_dangling_link, put_a_file], start=1):
            said = len(served.log.read_text())
            with replaced(served.folder, put):
                wait_for_complaint(served.log, served.folder, after=said)
                served.wait_for_answer_by(number)
            publish_version(write_version("housing", number + 1, served.folder))
            served.wait_for_answer_by(number + 1)


@pytest.mark.parametrize("put", [put_a_dangling_link, put_a_file])
def test_a_server_waits_for_its_repository_and_says_so(
    tmp_path: Path, put: Callable[[Path], None]
) -> None:
    folder, log = tmp_path / "models" / "housing", tmp_path / "server.log"
    shutil.copytree(shipped_version("housing"), folder / "1")
    with (
        log.open("wb") as output,
        ModelServer(folder.parent, tmp_path, log=output) as server,
        stack.gateway(server.address) as url,
    ):
        with replaced(folder, put):
            server.start()
            wait_for_complaint(log, folder)
            answer = httpx.post(f"{url}/predict/housing", json=HOUSE)
            assert (answer.status_code, answer.json()["code"]) == (503, "model-server-unavailable")
        server.wait_until_it_answers()
        assert httpx.post(f"{url}/predict/housing", json=HOUSE).status_code == 200


def test_a_malformed_configuration_is_refused_by_its_line_and_the_old_one_stays(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, "--model_config_file_poll_wait_seconds=1") as served:
        config = served.server.config
        config.write_text(config.read_text() + "\nno configuration")
        line = len(config.read_text().splitlines())
        refusal = f"{config} is not in force: INVALID_ARGUMENT: Invalid protobuf file: '{config}'"
        stack.wait_until(lambda: f"{refusal}, line {line}" in served.log.read_text(), "the refusal")
        served.wait_for_answer_by(1)
