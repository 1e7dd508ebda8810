"""A new version appears while requests run: none fails, and none is answered by two versions."""

import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import httpx
import pytest

from serving.models import MODELS
from tests import stack
from training.pipeline import TrainingOptions, run
from training.recipe import Recipe

HOUSE: dict[str, Any] = MODELS["housing"].example.model_dump(mode="json")
BATCH = {"instances": [{**HOUSE, "median_income": 1 + i / 4} for i in range(30)]}
NUM_CLIENTS = 4


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The shipped models; housing is a copy, so that a version can be added."""
    shipped = {name: stack.SHIPPED_MODELS / name for name in MODELS if name != "housing"}
    repository = stack.linked_repository(tmp_path / "models", **shipped)
    shutil.copytree(stack.SHIPPED_MODELS / "housing", repository / "housing")
    return repository


@pytest.fixture
def url(repository: Path, tmp_path: Path) -> Iterator[str]:
    with stack.model_server(repository, tmp_path) as address, stack.gateway(address) as url:
        stack.wait_until_ready(url)
        yield url


def test_a_new_version_goes_live_without_a_failed_or_mixed_answer(
    url: str,
    repository: Path,
    tiny_recipes: dict[str, Recipe[Any]],
    data_folder: Path,
    tmp_path: Path,
) -> None:
    before = ask(url)
    stop = Event()
    with ThreadPoolExecutor(NUM_CLIENTS) as executor:
        clients = [executor.submit(ask_until, url, stop) for _ in range(NUM_CLIENTS)]
        try:
            options = TrainingOptions(data_folder, repository, tmp_path)
            run("housing", tiny_recipes["housing"], options)
            new = before["version"] + 1
            stack.wait_until(lambda: ask(url)["version"] == new, "the new version")
        finally:
            stop.set()
        answers = [answer for client in clients for answer in client.result()]
    after = ask(url)

    assert prices(after) != prices(before)
    expected = {answer["version"]: prices(answer) for answer in (before, after)}
    assert {answer["version"] for answer in answers} == set(expected)
    for answer in answers:
        assert prices(answer) == pytest.approx(expected[answer["version"]], rel=1e-5)


def test_the_version_before_stays_for_those_who_pin_it(
    url: str,
    repository: Path,
    tiny_recipes: dict[str, Recipe[Any]],
    data_folder: Path,
    tmp_path: Path,
) -> None:
    before = ask(url)

    run("housing", tiny_recipes["housing"], TrainingOptions(data_folder, repository, tmp_path))
    stack.wait_until(lambda: ask(url)["version"] > before["version"], "the new version")

    assert prices(ask(url, version=before["version"])) == pytest.approx(prices(before), rel=1e-5)
    listed = httpx.get(f"{url}/models/housing").json()["versions"]
    assert [version["state"] for version in listed] == ["AVAILABLE", "AVAILABLE"]
    versions = [before["version"] + 1, before["version"]]
    assert [version["card"]["version"] for version in listed] == versions


def ask(url: str, version: int | None = None) -> dict[str, Any]:
    query = {} if version is None else {"version": version}
    answer = httpx.post(f"{url}/predict/housing/batch", params=query, json=BATCH, timeout=30)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def ask_until(url: str, stop: Event) -> list[dict[str, Any]]:
    answers = []
    while not stop.is_set():
        answers.append(ask(url))
    return answers


def prices(answer: dict[str, Any]) -> list[float]:
    return [prediction["price_usd"] for prediction in answer["predictions"]]
