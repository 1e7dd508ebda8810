"""A version that was trained elsewhere: it has the signature, but no card, and its own ideas."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import tensorflow as tf

from serving.models import MODELS
from tests import stack

HOUSE: dict[str, Any] = MODELS["housing"].example.model_dump(mode="json")
SIGNATURE = MODELS["housing"].signature


class Appraiser(tf.Module):  # type: ignore[misc]  # TensorFlow has no types
    """Ten thousand dollars per unit of income; nonsense for the very rich; too few for the poor."""

    def __init__(self) -> None:
        super().__init__()
        specs = {
            name: tf.TensorSpec([None], spec.dtype, name) for name, spec in SIGNATURE.inputs.items()
        }
        self.serve = tf.function(self.appraise).get_concrete_function(**specs)

    def appraise(self, **features: Any) -> dict[str, Any]:
        income = features["median_income"]
        price = tf.where(income > 50, float("nan"), 10_000 * income)
        few = tf.boolean_mask(price, income >= 1)
        return {"price": few, "price_low": price, "price_high": price}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    scratch = tmp_path_factory.mktemp("foreign")
    appraiser = Appraiser()
    tf.saved_model.save(appraiser, str(scratch / "housing" / "7"), appraiser.serve)
    shipped = {name: stack.SHIPPED_MODELS / name for name in MODELS}
    folders = {**shipped, "housing": scratch / "housing"}
    repository = stack.linked_repository(scratch / "models", **folders)
    with stack.model_server(repository, scratch) as address, stack.gateway(address) as gateway:
        stack.wait_until_ready(gateway)
        yield gateway


def test_it_answers_without_a_card(url: str) -> None:
    answer = httpx.post(f"{url}/predict/housing", json={**HOUSE, "latitude": 48.86}).json()

    assert answer["version"] == 7
    assert answer["prediction"]["price_usd"] == pytest.approx(10_000 * HOUSE["median_income"])
    assert answer["prediction"]["warnings"] == []
    (version,) = httpx.get(f"{url}/models/housing").json()["versions"]
    assert version["card"] is None


@pytest.mark.parametrize(("income", "detail"), [(60, "no finite numbers"), (0.5, "promises")])
def test_what_the_signature_does_not_promise_is_a_502(url: str, income: float, detail: str) -> None:
    answer = httpx.post(f"{url}/predict/housing", json={**HOUSE, "median_income": income})

    assert (answer.status_code, answer.json()["code"]) == (502, "prediction-failed")
    assert detail in answer.json()["detail"]
