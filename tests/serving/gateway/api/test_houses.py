"""Houses: what may be left out, and what is said of those unlike any that the model has seen."""

from typing import Any

import httpx
import pytest

from tests.example_bodies import HOUSE


def ask(http: httpx.Client, **changes: object) -> dict[str, Any]:
    answer = http.post("/predict/housing", json={**HOUSE, **changes})
    assert answer.status_code == 200, answer.text
    prediction: dict[str, Any] = answer.json()["prediction"]
    return prediction


def test_the_price_lies_within_its_interval(http: httpx.Client) -> None:
    prediction = ask(http)

    interval = prediction["interval_usd"]
    assert interval["low"] < prediction["price_usd"] < interval["high"]
    assert interval["coverage"] == 0.9
    assert prediction["warnings"] == []


def test_the_bedrooms_may_be_missing(http: httpx.Client) -> None:
    without = {name: value for name, value in HOUSE.items() if name != "total_bedrooms"}

    answer = http.post("/predict/housing", json=without).json()

    assert answer["prediction"] == ask(http, total_bedrooms=None)
    assert answer["prediction"]["price_usd"] != ask(http, total_bedrooms=450)["price_usd"]


def test_a_house_in_paris_is_answered_with_warnings(http: httpx.Client) -> None:
    prediction = ask(http, longitude=2.35, latitude=48.86)

    warnings = {warning["field"]: warning for warning in prediction["warnings"]}
    assert set(warnings) == {"longitude", "latitude"}
    assert warnings["latitude"]["maximum"] == pytest.approx(41.95)
    assert "48.86" in warnings["latitude"]["message"]
