import math

import numpy as np
import pytest
from pydantic import ValidationError

from serving.card import InputStatistics, ModelCard
from serving.errors import InvalidInput
from serving.models.housing import (
    DISTANCE,
    LIMITS,
    MODEL,
    HousingRequest,
    postprocess,
    preprocess,
)

VALID = MODEL.example.model_dump()
OUTPUTS = {
    "price": np.array([300_000.4], np.float32),
    "price_low": np.array([200_000], np.float32),
    "price_high": np.array([400_000], np.float32),
}


def test_features_keep_their_names_and_a_missing_one_is_nan() -> None:
    columns = preprocess([MODEL.example, HousingRequest(**{**VALID, "total_bedrooms": None})])

    assert set(columns) == set(MODEL.signature.inputs)
    for name, spec in MODEL.signature.inputs.items():
        assert (columns[name].shape, columns[name].dtype) == ((2,), spec.numpy_dtype)
    assert columns["total_bedrooms"][0] == MODEL.example.total_bedrooms
    assert math.isnan(columns["total_bedrooms"][1])
    assert columns["ocean_proximity"].tolist() == [b"NEAR BAY"] * 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latitude", 400),
        ("latitude", -90.1),
        ("longitude", 181),
        ("total_rooms", -1),
        ("total_rooms", 0),
        ("population", 0),
        ("households", -3),
        ("housing_median_age", -1),
        ("median_income", 83_252),
        ("median_income", math.nan),
        ("latitude", math.inf),
        ("total_bedrooms", math.nan),
        ("latitude", "37.9"),
        ("latitude", True),
        ("latitude", None),
        ("ocean_proximity", "NEAR LAKE"),
        ("ocean_proximity", None),
    ],
)
def test_impossible_values_are_errors(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        HousingRequest(**{**VALID, field: value})

    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


@pytest.mark.parametrize("field", [name for name in VALID if name != "total_bedrooms"])
def test_every_field_but_the_bedrooms_is_required(field: str) -> None:
    with pytest.raises(ValidationError):
        HousingRequest(**{name: value for name, value in VALID.items() if name != field})


def test_unknown_fields_are_errors() -> None:
    with pytest.raises(ValidationError):
        HousingRequest(**{**VALID, "garage": True})


def test_more_bedrooms_than_rooms_are_an_error() -> None:
    with pytest.raises(InvalidInput, match="must not exceed total_rooms") as caught:
        preprocess([HousingRequest(**{**VALID, "total_bedrooms": 5_000})])

    assert caught.value.fields[0].field == "total_bedrooms"
    assert caught.value.fields[0].received == 5_000


def test_the_price_comes_with_its_interval() -> None:
    (response,) = postprocess(preprocess([MODEL.example]), OUTPUTS, None)

    assert response == {
        "price_usd": 300_000.41,
        "interval_usd": {
            "low": 200_000,
            "high": 400_000,
            "coverage": 0.9,
            "open_below": None,
            "open_above": None,
        },
        "warnings": [],
        "familiarity": None,
    }


@pytest.mark.parametrize(
    ("limits", "open_below", "open_above"),
    [
        ((14_999, 500_001), False, False),
        ((200_000, 500_001), True, False),
        ((14_999, 400_000), False, True),
    ],
)
def test_an_interval_that_ends_where_prices_do_is_open(
    limits: tuple[float, float], open_below: bool, open_above: bool
) -> None:
    outputs = {**OUTPUTS, LIMITS: np.array([limits], np.float32)}

    (response,) = postprocess(preprocess([MODEL.example]), outputs, None)

    interval = response["interval_usd"]
    assert (interval["open_below"], interval["open_above"]) == (open_below, open_above)


@pytest.mark.parametrize(
    ("field", "number", "ratio", "value"),
    [
        ("total_rooms", 430_000, "rooms_per_household", 1_000),
        ("total_bedrooms", 2_150, "bedrooms_per_household", 5),
        ("population", 43, "persons_per_household", 0.1),
    ],
)
def test_ratios_that_no_training_row_has_are_warned_of(
    field: str, number: float, ratio: str, value: float
) -> None:
    odd = HousingRequest(**{**VALID, "total_rooms": 4_000, field: number})
    known = card(
        rooms_per_household=(1, 60), bedrooms_per_household=(0.5, 4), persons_per_household=(1, 9)
    )

    usual, warned = postprocess(
        preprocess([MODEL.example, odd]),
        {name: np.repeat(column, 2) for name, column in OUTPUTS.items()},
        known,
    )

    assert usual["warnings"] == []
    (warning,) = warned["warnings"]
    assert warning["field"] == ratio
    assert f"{ratio} is {value:g}; the model was trained on" in warning["message"]


def test_a_place_far_from_any_known_is_warned_of() -> None:
    outputs = {name: np.repeat(column, 2) for name, column in OUTPUTS.items()}
    outputs[DISTANCE] = np.array([36.4, 104.4], np.float32)

    near, far = postprocess(
        preprocess([MODEL.example] * 2), outputs, card(kilometres_to_neighbour=(0, 36.4))
    )

    assert near["warnings"] == []
    (warning,) = far["warnings"]
    assert warning == {
        "field": "kilometres_to_neighbour",
        "message": "the nearest block group that the model knows is 104 km away; "
        "the model was trained on 0 to 36.4",
        "minimum": 0,
        "maximum": 36.4,
    }


def test_a_version_that_tells_no_distance_is_not_warned_of_it() -> None:
    known = card(kilometres_to_neighbour=(0, 36.4))

    (response,) = postprocess(preprocess([MODEL.example]), OUTPUTS, known)

    assert response["warnings"] == []


def test_values_outside_the_training_range_are_named() -> None:
    paris = HousingRequest(**{**VALID, "latitude": 48.86, "total_bedrooms": None})

    berkeley, abroad = postprocess(
        preprocess([MODEL.example, paris]),
        {name: np.repeat(column, 2) for name, column in OUTPUTS.items()},
        card(latitude=(32.54, 41.95), total_bedrooms=(1, 6445), households_per_house=(1, 2)),
    )

    assert berkeley["warnings"] == []
    (warning,) = abroad["warnings"]
    assert warning["field"] == "latitude"
    assert (warning["minimum"], warning["maximum"]) == (32.54, 41.95)
    assert "48.86" in warning["message"]


@pytest.mark.parametrize("latitude", [32.1, 41.95])
def test_the_ends_of_the_training_range_are_inside(latitude: float) -> None:
    """Neither end is a float32, as the model sees it."""
    request = HousingRequest(**{**VALID, "latitude": latitude})

    (response,) = postprocess(preprocess([request]), OUTPUTS, card(latitude=(32.1, 41.95)))

    assert response["warnings"] == []


def test_a_missing_value_hides_no_other_and_is_none_itself() -> None:
    few = HousingRequest(**{**VALID, "total_bedrooms": 0})
    missing = HousingRequest(**{**VALID, "total_bedrooms": None})

    answers = postprocess(
        preprocess([missing, few, missing, MODEL.example]),
        {name: np.repeat(column, 4) for name, column in OUTPUTS.items()},
        card(total_bedrooms=(1, 6445)),
    )

    assert [len(each["warnings"]) for each in answers] == [0, 1, 0, 0]


def card(**ranges: tuple[float, float]) -> ModelCard:
    statistics = {
        name: InputStatistics(minimum=low, maximum=high, mean=low, standard_deviation=1)
        for name, (low, high) in ranges.items()
    }
    return ModelCard.model_construct(input_statistics=statistics)
