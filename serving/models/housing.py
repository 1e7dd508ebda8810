"""Price of a Californian house: what a request is, its units and ranges, what the prices mean."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from serving.card import ModelCard
from serving.contract import Model, Row, Signature, TensorSpec
from serving.errors import FieldError, InvalidInput

COVERAGE = 0.9  # share of block groups whose price lies within the interval

OceanProximity = Literal["<1H OCEAN", "INLAND", "ISLAND", "NEAR BAY", "NEAR OCEAN"]

NUMERIC_FEATURES = (
    "longitude",
    "latitude",
    "housing_median_age",
    "total_rooms",
    "total_bedrooms",
    "population",
    "households",
    "median_income",
)


class HousingRequest(BaseModel):
    """A census block group: some hundred neighbouring homes. Counts are of the group as a whole."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    longitude: float = Field(ge=-180, le=180, description="degrees; west is negative")
    latitude: float = Field(ge=-90, le=90, description="degrees; north is positive")
    housing_median_age: float = Field(ge=0, le=300, description="median age of the houses, years")
    total_rooms: float = Field(ge=1, le=1e6, description="rooms of all homes")
    total_bedrooms: float | None = Field(
        default=None, ge=0, le=1e6, description="bedrooms of all homes; leave out if unknown"
    )
    population: float = Field(ge=1, le=1e6, description="persons who live there")
    households: float = Field(ge=1, le=1e6, description="occupied homes")
    median_income: float = Field(
        ge=0, le=100, description="median household income in 10,000 US dollars: 3.5 is $35,000"
    )
    ocean_proximity: OceanProximity = Field(
        description="where it lies: within an hour of the ocean, inland, on an island, near San "
        "Francisco Bay, or near the ocean"
    )


class Interval(BaseModel):
    """A range that holds the true price with the stated probability."""

    low: float = Field(description="US dollars of 1990")
    high: float = Field(description="US dollars of 1990")
    coverage: float = Field(default=COVERAGE, description="probability that the price is inside")


class RangeWarning(BaseModel):
    """A value that is possible, but unlike anything the model was trained on."""

    field: str
    message: str
    minimum: float = Field(description="the smallest value seen in training")
    maximum: float = Field(description="the largest value seen in training")


class HousingResponse(BaseModel):
    """The median house value of the block group."""

    price_usd: float = Field(description="US dollars of 1990", examples=[412_300.0])
    interval_usd: Interval
    warnings: list[RangeWarning] = Field(
        description="one per value outside the training range; the price is then a guess"
    )


def preprocess(request: HousingRequest) -> Row:
    """Name the features; a missing value is NaN, as the signature has it.

    Raises:
        InvalidInput: more bedrooms than rooms.
    """
    if request.total_bedrooms is not None and request.total_bedrooms > request.total_rooms:
        message = f"must not exceed total_rooms, which is {request.total_rooms:g}"
        field = FieldError("total_bedrooms", message, request.total_bedrooms)
        raise InvalidInput(f"total_bedrooms {message}", fields=[field])
    features = request.__dict__
    if request.total_bedrooms is None:
        features = {**features, "total_bedrooms": math.nan}
    return {**features, "ocean_proximity": request.ocean_proximity.encode()}


def preprocess_seconds(_request: HousingRequest) -> float:
    """Estimate: nothing is computed."""
    return 1e-6


def postprocess(row: Row, request: HousingRequest, card: ModelCard | None) -> HousingResponse:
    """Give the price with its interval, and warn of values outside the version's training range."""
    low, price, high = row["price_low"], row["price"], row["price_high"]
    return HousingResponse(
        price_usd=round(float(price), 2),
        interval_usd=Interval(low=round(float(low), 2), high=round(float(high), 2)),
        warnings=[] if card is None else _range_warnings(request, card),
    )


def _range_warnings(request: HousingRequest, card: ModelCard) -> list[RangeWarning]:
    features = request.__dict__
    return [
        _range_warning(name, features[name], minimum, maximum)
        for name, minimum, maximum in card.input_ranges
        if features.get(name) is not None and not minimum <= features[name] <= maximum
    ]


def _range_warning(field: str, value: float, minimum: float, maximum: float) -> RangeWarning:
    message = f"{field} is {value:g}; the model was trained on {minimum:g} to {maximum:g}"
    return RangeWarning(field=field, message=message, minimum=minimum, maximum=maximum)


MODEL = Model(
    request=HousingRequest,
    response=HousingResponse,
    signature=Signature(
        inputs={
            **{name: TensorSpec("float32") for name in NUMERIC_FEATURES},
            "ocean_proximity": TensorSpec("string"),
        },
        outputs={name: TensorSpec("float32") for name in ("price", "price_low", "price_high")},
    ),
    # Three thousand rooms of a quiet quarter in the hills above Berkeley.
    example=HousingRequest(
        longitude=-122.25,
        latitude=37.89,
        housing_median_age=40,
        total_rooms=3000,
        total_bedrooms=450,
        population=1100,
        households=430,
        median_income=7.2,
        ocean_proximity="NEAR BAY",
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    preprocess_seconds=preprocess_seconds,
    max_call_rows=512,
)
