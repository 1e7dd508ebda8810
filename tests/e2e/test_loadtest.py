"""The load test against the real stack: its users are answered, and a short run ends well."""

import random
import sys
from pathlib import Path

import httpx

from tests import stack
from tfgate.loadtest.users.houses import house
from tfgate.loadtest.users.pictures import PICTURES

MOST_INSTANCES = 128


def test_three_seconds_of_all_models_end_without_a_failure(gateway: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tfgate", "loadtest", "--users=60", "--duration=3s"]
    options = [f"--url={gateway}", f"--html={tmp_path / 'l.html'}"]
    with stack.process([*command, *options, "--objective=failures<0.1%,requests>0/s"]) as running:
        assert running.wait(120) == 0


def test_no_house_is_unlike_what_the_model_was_trained_on(http: httpx.Client) -> None:
    source = random.Random(0)  # noqa: S311  # no secret depends on it
    for _ in range(10):
        houses = [house(source) for _ in range(MOST_INSTANCES)]

        answer = http.post("/predict/housing/batch", json={"instances": houses})

        assert answer.status_code == 200, answer.text
        assert [each["warnings"] for each in answer.json()["predictions"]] == [[]] * len(houses)


def test_every_picture_is_answered(http: httpx.Client) -> None:
    for each in PICTURES:
        answer = http.post(
            "/predict/image", content=each.content, headers={"Content-Type": each.media_type}
        )
        assert answer.status_code == 200, answer.text
