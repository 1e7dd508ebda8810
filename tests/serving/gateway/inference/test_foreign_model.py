"""A version that was trained elsewhere: it has the signature, but no card, and its own ideas."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from serving.card import ModelCard
from serving.contract import Signature, Tensors, TensorSpec
from serving.models import MODELS
from tests.example_bodies import HOUSE
from tests.fake_model_server import DEFAULT_SIGNATURE, FakeSignature, FakeVersion
from tests.fake_models import declared_models
from tests.in_process import Gateway, gateway


def appraise(inputs: Tensors) -> Tensors:
    """Ten thousand dollars per unit of income; nonsense for the very rich; too few for the poor."""
    income = inputs["median_income"]
    price = np.where(income > 50, np.nan, 10_000 * income).astype(np.float32)
    return {"price": price[income >= 1], "price_low": price, "price_high": price}


@pytest.fixture
def tfgate() -> Iterator[Gateway]:
    server = declared_models()
    foreign = {DEFAULT_SIGNATURE: FakeSignature(MODELS["housing"].signature, appraise)}
    server.models["housing"] = {7: FakeVersion(foreign)}
    with gateway(server) as tfgate:
        tfgate.wait_until_ready()
        yield tfgate


def test_it_answers_without_a_card(tfgate: Gateway) -> None:
    answer = tfgate.client.post("/predict/housing", json={**HOUSE, "latitude": 48.86}).json()

    assert answer["version"] == 7
    assert answer["prediction"]["price_usd"] == pytest.approx(10_000 * HOUSE["median_income"])
    assert answer["prediction"]["warnings"] == []
    (version,) = tfgate.client.get("/models/housing").json()["versions"]
    assert version["card"] is None


@pytest.mark.parametrize(("income", "detail"), [(60, "no finite numbers"), (0.5, "promises")])
def test_what_the_signature_does_not_promise_is_a_502(
    tfgate: Gateway, income: float, detail: str
) -> None:
    answer = tfgate.client.post("/predict/housing", json={**HOUSE, "median_income": income})

    assert (answer.status_code, answer.json()["code"]) == (502, "prediction-failed")
    assert detail in answer.json()["detail"]


def test_what_overflows_half_precision_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 65,504 there is only infinity, which JSON would show as null."""
    prices = ("price", "price_low", "price_high")
    signature = Signature(
        MODELS["housing"].signature.inputs, {name: TensorSpec("float16") for name in prices}
    )
    halved = dataclasses.replace(MODELS["housing"], signature=signature)
    monkeypatch.setitem(MODELS, "housing", halved)

    def appraise_in_halves(inputs: Tensors) -> Tensors:
        with np.errstate(over="ignore"):
            price = (10_000 * inputs["median_income"]).astype(np.float16)
        return dict.fromkeys(prices, price)

    server = declared_models()
    foreign = {DEFAULT_SIGNATURE: FakeSignature(signature, appraise_in_halves)}
    server.models["housing"] = {7: FakeVersion(foreign)}
    with gateway(server) as tfgate:
        answer = tfgate.client.post("/predict/housing", json={**HOUSE, "median_income": 6.5})
        assert answer.json()["prediction"]["price_usd"] == pytest.approx(65_000, abs=32)

        answer = tfgate.client.post("/predict/housing", json={**HOUSE, "median_income": 6.6})
        assert (answer.status_code, answer.json()["code"]) == (502, "prediction-failed")
        assert "no finite numbers" in answer.json()["detail"]


def test_what_a_version_may_lack_is_left_out_and_all_else_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    housing = MODELS["housing"]
    outputs = {**housing.signature.outputs, "likeness": TensorSpec("float32")}
    optional = housing.signature.optional_outputs | {"likeness"}
    declared = dataclasses.replace(housing.signature, outputs=outputs, optional_outputs=optional)

    def told(inputs: Tensors, outputs: Tensors, _card: ModelCard | None) -> list[dict[str, Any]]:
        return [{"likeness": outputs["likeness"].tolist()[0] if "likeness" in outputs else None}]

    monkeypatch.setitem(
        MODELS,
        "housing",
        dataclasses.replace(
            housing, signature=declared, postprocess=told, response=dict[str, Any], measure=None
        ),
    )

    def with_likeness(inputs: Tensors) -> Tensors:
        return {**appraise(inputs), "likeness": np.full(1, 0.5, np.float32)}

    server = declared_models()
    older = dataclasses.replace(housing.signature, optional_outputs=frozenset())
    server.models["housing"] = {
        7: FakeVersion({DEFAULT_SIGNATURE: FakeSignature(older, appraise)}),
        8: FakeVersion({DEFAULT_SIGNATURE: FakeSignature(declared, with_likeness)}),
    }
    with gateway(server) as tfgate:
        tfgate.wait_until_ready()
        for version, likeness in [(7, None), (8, 0.5)]:
            answer = tfgate.client.post(f"/predict/housing?version={version}", json=HOUSE).json()
            assert answer["prediction"] == {"likeness": likeness}
        versions = tfgate.client.get("/models/housing").json()["versions"]
        assert [each["unready"] for each in versions] == [None, None]
