"""Price of a Californian house: what a request is, its units and ranges, what the prices mean."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Annotated, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from serving.card import ModelCard
from serving.contract import Model, Signature, Tensors, TensorSpec
from serving.errors import FieldError, InvalidInput
from serving.rows import columns

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
_PRICES = ("price_low", "price", "price_high")
_ROOMS, _BEDROOMS = map(NUMERIC_FEATURES.index, ("total_rooms", "total_bedrooms"))


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


class Interval(TypedDict):
    """A range that holds the true price with the stated probability."""

    low: Annotated[float, Field(description="US dollars of 1990")]
    high: Annotated[float, Field(description="US dollars of 1990")]
    coverage: Annotated[float, Field(description="probability that the price is inside")]


class RangeWarning(TypedDict):
    """A value that is possible, but unlike anything the model was trained on."""

    field: str
    message: str
    minimum: Annotated[float, Field(description="the smallest value seen in training")]
    maximum: Annotated[float, Field(description="the largest value seen in training")]


class HousingResponse(TypedDict):
    """The median house value of the block group."""

    price_usd: Annotated[float, Field(description="US dollars of 1990", examples=[412_300.0])]
    interval_usd: Interval
    warnings: Annotated[
        list[RangeWarning],
        Field(description="one per value outside the training range; the price is then a guess"),
    ]


def preprocess(requests: Sequence[HousingRequest]) -> Tensors:
    """Put the features into columns; a missing value is NaN, as the signature has it.

    Raises:
        InvalidInput: more bedrooms than rooms.
    """
    *numbers, places = columns(requests, *NUMERIC_FEATURES, "ocean_proximity")
    for rooms, bedrooms in zip(numbers[_ROOMS], numbers[_BEDROOMS], strict=True):
        if bedrooms is not None and bedrooms > rooms:
            message = f"must not exceed total_rooms, which is {rooms:g}"
            field = FieldError("total_bedrooms", message, bedrooms)
            raise InvalidInput(f"total_bedrooms {message}", fields=[field])
    tensors = dict(zip(NUMERIC_FEATURES, np.array(numbers, np.float32), strict=True))
    tensors["ocean_proximity"] = np.array([place.encode() for place in places], dtype=object)
    return tensors


def postprocess(inputs: Tensors, outputs: Tensors, card: ModelCard | None) -> list[HousingResponse]:
    """Give each price with its interval, and warn of values that the version was not trained on."""
    prices = np.array([outputs[name] for name in _PRICES], np.float64)  # [3, batch]
    warnings = _range_warnings(inputs, card)
    return [
        {
            "price_usd": price,
            "interval_usd": {"low": low, "high": high, "coverage": COVERAGE},
            "warnings": warned,
        }
        for low, price, high, warned in zip(*prices.round(2).tolist(), warnings, strict=True)
    ]


def _range_warnings(inputs: Tensors, card: ModelCard | None) -> list[list[RangeWarning]]:
    warnings: list[list[RangeWarning]] = [[] for _ in range(len(inputs["latitude"]))]
    ranges, lows, highs = _ranges(() if card is None else card.input_ranges)
    if not ranges:
        return warnings
    values = np.concatenate([inputs[seen.name] for seen in ranges]).reshape(len(ranges), -1)
    # [range, batch]; NaN, which is a missing value, is neither.
    outside = (values < lows) | (values > highs)
    if not np.count_nonzero(outside):
        return warnings
    for row, index in zip(*outside.T.nonzero(), strict=True):
        warnings[row].append(_range_warning(ranges[index], float(values[index, row])))
    return warnings


class _Range(NamedTuple):
    """What was seen of an input in training."""

    name: str
    minimum: float
    maximum: float


@lru_cache
def _ranges(
    seen: tuple[tuple[str, float, float], ...],
) -> tuple[list[_Range], NDArray[np.float32], NDArray[np.float32]]:
    """Give the ranges, and apart their lowest and their highest values: float32[range, 1].

    These are float32, as the inputs are: a bound must not lie beside the very value that it was.
    """
    # A card may tell of derived quantities, too.
    ranges = [_Range(*each) for each in seen if each[0] in NUMERIC_FEATURES]
    lows = np.array([[each.minimum] for each in ranges], np.float32)
    highs = np.array([[each.maximum] for each in ranges], np.float32)
    return ranges, lows, highs


def _range_warning(seen: _Range, value: float) -> RangeWarning:
    trained = f"the model was trained on {seen.minimum:g} to {seen.maximum:g}"
    return {
        "field": seen.name,
        "message": f"{seen.name} is {value:g}; {trained}",
        "minimum": seen.minimum,
        "maximum": seen.maximum,
    }


MODEL = Model(
    request=HousingRequest,
    response=HousingResponse,
    signature=Signature(
        inputs={
            **{name: TensorSpec("float32") for name in NUMERIC_FEATURES},
            "ocean_proximity": TensorSpec("string"),
        },
        outputs={name: TensorSpec("float32") for name in _PRICES},
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
    max_call_rows=512,
    reads_card=True,
    reads_columns=True,
    coverage=COVERAGE,
)
