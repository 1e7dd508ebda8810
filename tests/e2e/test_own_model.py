"""A model of a user's own, from a SavedModel to a trained, typed one."""

import csv
import random
from pathlib import Path

import httpx
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from serving.typed_models import load_models
from tests import stack
from tfgate.cli import app


class Shop(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """What a customer spends, as somebody guessed who had no data."""

    @tf.function(  # type: ignore[untyped-decorator]
        input_signature=[
            tf.TensorSpec([None], tf.int64, "months"),
            tf.TensorSpec([None, 1], tf.float32, "fee"),
            tf.TensorSpec([None], tf.string, "plan"),
        ]
    )
    def spent(self, months: tf.Tensor, fee: tf.Tensor, plan: tf.Tensor) -> dict[str, tf.Tensor]:
        factor = tf.where(plan == "gold", 2.0, 1.0)
        return {"spent": tf.cast(months, tf.float32)[:, None] * fee * factor[:, None]}


def write_table(path: Path, num_rows: int = 120) -> None:
    dice = random.Random(0)  # noqa: S311  # nobody need be surprised
    path.parent.mkdir()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["months", "fee", "plan", "spent"])
        for _ in range(num_rows):
            months, fee, plan = dice.randint(1, 60), dice.uniform(5, 50), dice.choice(["a", "gold"])
            writer.writerow([months, fee, plan, months * fee * (1.5 if plan == "gold" else 1)])


def tfgate(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A guessed version and a trained one, a typed file and a recipe."""
    folder = tmp_path_factory.mktemp("shop")
    write_table(folder / "data" / "customers.csv")
    guess = Shop()
    version = str(folder / "models" / "shop" / "1")
    tf.saved_model.save(guess, version, {"serving_default": guess.spent})
    typed = f"--models-path={folder / 'typed'}"
    tfgate("new-model", "shop", f"--from={folder / 'models' / 'shop'}", typed, "--recipe")
    tfgate(
        *("train", "shop", typed, f"--data={folder / 'data'}", "--epochs=8", "--batch-size=8"),
        *(f"--{each}={folder / each}" for each in ("checkpoints", "reports")),
        f"--repository={folder / 'models'}",
    )
    return folder


def test_its_versions_answer_with_fields_and_without(folder: Path, tmp_path: Path) -> None:
    customer = {"months": 10, "fee": 20.0, "plan": "gold"}
    with (
        stack.model_server(folder / "models", tmp_path) as address,
        stack.gateway(address, models_path=str(folder / "typed"), **stack.PATIENT) as url,
        httpx.Client(base_url=url, timeout=60) as http,
    ):
        stack.wait_until(lambda: http.get("/readyz/shop").is_success, "the model")

        typed = http.post("/predict/shop", json=customer)
        assert typed.status_code == 200, typed.text
        assert typed.json()["version"] == 2
        assert typed.json()["prediction"]["spent"] == pytest.approx(300, rel=0.8)
        rows = http.post("/predict/shop/batch", json={"instances": [customer, customer]}).json()
        assert len(rows["predictions"]) == 2

        plain = {"months": [10], "fee": [[20.0]], "plan": ["gold"]}
        generic = http.post("/v1/models/shop:predict", json={"inputs": plain}).json()
        assert generic["outputs"] == [[pytest.approx(typed.json()["prediction"]["spent"])]]

        wrong = http.post("/predict/shop", json=customer | {"months": "ten"})
        assert wrong.status_code == 422
        assert [each["field"] for each in wrong.json()["errors"]] == ["months"]
        page = http.get("/openapi.json").json()
        assert "/predict/shop" in page["paths"]
        described = http.get("/models/shop").json()
        assert described["example"] == load_models(folder / "typed")["shop"].example.model_dump()
        assert described["versions"][0]["version"] == 2
        assert described["versions"][0]["card"]["task"] == "regression of spent"


def test_its_report_shows_where_it_errs(folder: Path) -> None:
    report = (folder / "reports" / "shop" / "2" / "report.html").read_text()

    assert "the same answer to everybody" in report
    assert "months" in report
