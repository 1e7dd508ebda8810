"""The model repository is damaged, or gone, while houses are asked for: the old version answers.

Permissions are left alone, since they stop nobody who runs as root.
"""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from soak.clients import Outcome
from soak.model_server import ModelServer
from soak.versions import publish_version, write_version
from tests import stack
from tests.damage import GRAPH, WARMUP, cut, make_folder, remove, write
from tests.e2e.under_load import HOUSES, asking, errors
from tests.readings import reading


@dataclass(frozen=True)
class Served:
    """A server of version 1 of housing, and a gateway before it that is asked without pause."""

    folder: Path
    server: ModelServer
    log: Path
    url: str
    outcomes: list[Outcome]

    def versions(self) -> list[dict[str, Any]]:
        """What GET /models says of housing."""
        models = httpx.get(f"{self.url}/models").json()["models"]
        return next(model["versions"] for model in models if model["name"] == "housing")

    def newest(self) -> int:
        """The newest version that is available."""
        return max(int(each["version"]) for each in self.versions() if each["state"] == "AVAILABLE")

    def draft(self) -> Path:
        """Write the next version beside its place."""
        taken = [int(path.name) for path in self.folder.iterdir() if path.name.isdigit()]
        return write_version("housing", max(taken) + 1, self.folder)

    def publish(self) -> None:
        """Publish a good version, and wait until it answers."""
        self.wait_for_answer_by(int(publish_version(self.draft()).name))

    def version(self, number: int) -> dict[str, Any]:
        """What GET /models says of a version; empty for none."""
        return next((each for each in self.versions() if each["version"] == number), {})

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


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Whatever the tests do with the folder of the model, no request may fail."""
    scratch = tmp_path_factory.mktemp("faults")
    folder, log = scratch / "models" / "housing", scratch / "server.log"
    flags = ("--max_num_load_retries=0", "--model_config_file_poll_wait_seconds=1")
    shutil.copytree(stack.shipped_version("housing"), folder / "1")
    with (
        log.open("wb") as output,
        ModelServer(folder.parent, scratch, *flags, log=output) as server,
    ):
        server.start()
        server.wait_until_it_answers()
        with (
            stack.gateway(server.address, **stack.PATIENT) as url,
            asking(url, HOUSES) as outcomes,
        ):
            yield Served(folder, server, log, url, outcomes)
    assert errors(outcomes) == []


# What is wrong with a version, and what is then said of it. Its weights are constants of its graph.
FAULTS = [
    (remove(GRAPH), "NOT_FOUND", "does not appear to contain a SavedModel"),
    (cut(GRAPH), "OUT_OF_RANGE", "Read less bytes than requested"),
    (cut(WARMUP), "DATA_LOSS", "Please verify your warmup data"),
    (write(GRAPH, b"<!DOCTYPE html><html>404</html>"), "DATA_LOSS", "as binary proto"),
    (make_folder(GRAPH), "NOT_FOUND", "Could not find meta graph def"),
]


def test_versions_that_fail_to_load_are_told_of_and_leave_the_old_one_serving(
    served: Served,
) -> None:
    old = served.newest()
    failed: Counter[str] = Counter()
    for damage, code, text in FAULTS:
        draft = served.draft()
        damage(draft)
        number = int(publish_version(draft).name)
        served.wait_for_state(number, "END")
        assert text in served.version(number)["error"]
        failed[code] += 1
        wait_for_reading(served, failed[code], "tfgate_model_failed_versions", code=code)
    assert served.version(old) == {
        "version": old,
        "state": "AVAILABLE",
        "error": None,
        "unready": None,
        "explains": True,
    }
    wait_for_reading(served, len(FAULTS), "tfgate_model_versions", state="failed")
    wait_for_reading(served, 1, "tfgate_model_versions", state="available")
    served.wait_for_answer_by(old)

    served.publish()


def wait_for_reading(served: Served, value: float, name: str, **labels: str) -> None:
    stack.wait_until(
        lambda: reading(served.url, name, model="housing", **labels) == value,
        f"{name} of {value} for {labels}",
    )


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


def wait_for_complaint(log: Path, folder: Path, *, after: int) -> None:
    """Wait until the server says, later than `after` in its log, that it cannot read a folder."""
    complaint = f"Could not find base path {folder} for servable housing"
    stack.wait_until(lambda: complaint in log.read_text()[after:], "the server's complaint")


def test_an_unreadable_repository_changes_nothing_until_it_is_back(served: Served) -> None:
    for put in (put_nothing, put_a_dangling_link, put_a_file):
        old, said = served.newest(), len(served.log.read_text())
        with replaced(served.folder, put):
            wait_for_complaint(served.log, served.folder, after=said)
            served.wait_for_answer_by(old)

        served.publish()


def test_a_malformed_configuration_is_refused_by_its_line_and_the_old_one_stays(
    served: Served,
) -> None:
    config = served.server.config
    good = config.read_text()
    config.write_text(good + "\nno configuration")
    line = len(config.read_text().splitlines())
    refusal = f"{config} is not in force: INVALID_ARGUMENT: Invalid protobuf file: '{config}'"
    stack.wait_until(lambda: f"{refusal}, line {line}" in served.log.read_text(), "the refusal")
    served.wait_for_answer_by(served.newest())

    config.write_text(good)
    served.publish()
