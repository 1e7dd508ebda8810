"""`tfgate predict` and `tfgate models` against a running gateway."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from serving.models import MODELS
from tfgate.cli import app


def tfgate(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "80"})


@pytest.mark.parametrize("name", MODELS)
def test_without_a_question_the_example_is_asked(gateway: str, name: str) -> None:
    finished = tfgate("predict", name, f"--url={gateway}")

    assert finished.exit_code == 0, finished.stderr
    assert json.loads(finished.stdout)["model"] == name


def test_a_slash_at_the_end_of_the_url_does_not_matter(gateway: str) -> None:
    assert tfgate("predict", "housing", f"--url={gateway}/").exit_code == 0


def test_a_plain_text_is_enough_for_a_model_with_one_field(gateway: str) -> None:
    finished = tfgate("predict", "sentiment", "Terrible. A waste of time.", f"--url={gateway}")

    assert json.loads(finished.stdout)["prediction"]["label"] == "negative"


def test_a_picture_is_given_by_its_path(gateway: str, tmp_path: Path) -> None:
    path = tmp_path / "ship.png"
    path.write_bytes(MODELS["image"].example.image)

    finished = tfgate("predict", "image", str(path), f"--url={gateway}")

    assert len(json.loads(finished.stdout)["prediction"]["top"]) == 5


def test_an_object_is_given_as_json(gateway: str) -> None:
    house = MODELS["housing"].example.model_dump_json()

    finished = tfgate("predict", "housing", house, f"--url={gateway}")

    assert json.loads(finished.stdout)["prediction"]["price_usd"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["weather"], "there is no model 'weather'"),
        (["housing", "a nice house"], "housing takes a JSON object"),
        (["housing", '{"latitude": 400}'], "latitude"),
        (["image", "nowhere.png"], "cannot read nowhere.png"),
        (["sentiment", " "], "no visible character"),
        (["housing", "--key=schlüssel"], "the key holds what no key does"),
    ],
)
def test_a_refusal_is_one_sentence_and_an_exit_code(
    gateway: str, arguments: list[str], message: str
) -> None:
    finished = tfgate("predict", *arguments, f"--url={gateway}")

    assert finished.exit_code == 1
    assert message in finished.stderr
    assert finished.stderr.startswith("tfgate: ")


def test_without_a_gateway_it_says_how_to_start_one() -> None:
    finished = tfgate("predict", "housing", "--url=http://127.0.0.1:9")

    assert finished.exit_code == 1
    assert "tfgate up" in finished.stderr


def test_a_url_without_its_scheme_is_no_missing_gateway() -> None:
    finished = tfgate("predict", "housing", "--url=localhost:8000")

    assert finished.exit_code == 1
    assert "begins with http://" in finished.stderr


def test_models_lists_versions_with_their_figures(gateway: str) -> None:
    finished = tfgate("models", f"--url={gateway}")

    assert finished.exit_code == 0, finished.stderr
    for name in MODELS:
        card = httpx.get(f"{gateway}/models/{name}").json()["versions"][0]["card"]
        assert f"{name} {card['version']}" in finished.stdout
        assert all(metric["name"] in finished.stdout for metric in card["metrics"])
    assert "AVAILABLE" in finished.stdout
    assert "e+0" not in finished.stdout
