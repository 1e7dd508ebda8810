from typing import Any

import httpx
import pytest

from serving.models import MODELS

HOUSE: dict[str, Any] = MODELS["housing"].example.model_dump(mode="json")


def ask(http: httpx.Client, **changes: object) -> dict[str, Any]:
    answer = http.post("/predict/housing", json={**HOUSE, **changes})
    assert answer.status_code == 200, answer.text
    prediction: dict[str, Any] = answer.json()["prediction"]
    return prediction


def test_the_price_lies_within_its_interval(http: httpx.Client) -> None:
    prediction = ask(http)

    interval = prediction["interval_usd"]
    assert interval["low"] <= prediction["price_usd"] <= interval["high"]
    assert interval["low"] < interval["high"]
    assert interval["coverage"] == 0.9
    assert prediction["warnings"] == []


def test_prices_are_dollars_and_follow_income(http: httpx.Client) -> None:
    poor, rich = (ask(http, median_income=income)["price_usd"] for income in (2, 9))

    assert 50_000 < poor < rich < 600_000


@pytest.mark.parametrize("changes", [{"total_bedrooms": None}, {"total_bedrooms": 450}])
def test_the_bedrooms_may_be_missing(http: httpx.Client, changes: dict[str, Any]) -> None:
    assert ask(http, **changes)["price_usd"] > 0


def test_a_missing_field_is_the_same_as_null(http: httpx.Client) -> None:
    without = {name: value for name, value in HOUSE.items() if name != "total_bedrooms"}

    answer = http.post("/predict/housing", json=without).json()

    assert answer["prediction"] == ask(http, total_bedrooms=None)


def test_a_house_in_paris_is_answered_with_warnings(http: httpx.Client) -> None:
    prediction = ask(http, longitude=2.35, latitude=48.86)

    warnings = {warning["field"]: warning for warning in prediction["warnings"]}
    assert set(warnings) == {"longitude", "latitude"}
    assert warnings["latitude"]["maximum"] < 42.1
    assert "48.86" in warnings["latitude"]["message"]


def test_a_hundred_houses_keep_their_order(http: httpx.Client) -> None:
    instances = [{**HOUSE, "median_income": 1 + 0.05 * i} for i in range(100)]

    batch = http.post("/predict/housing/batch", json={"instances": instances}).json()

    for i in (0, 37, 99):
        expected = ask(http, median_income=1 + 0.05 * i)["price_usd"]
        assert batch["predictions"][i]["price_usd"] == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize("proximity", ["<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"])
def test_every_proximity_has_a_price(http: httpx.Client, proximity: str) -> None:
    assert ask(http, ocean_proximity=proximity)["price_usd"] > 0
