"""Price of a Californian house: what a request is, its units and ranges, what the prices mean."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from serving.card import ModelCard
from serving.contract import Explanation, Model, Signature, Tensors, TensorSpec
from serving.errors import FieldError, InvalidInput
from serving.familiarity import FAMILIARITY, FAMILIARITY_SPEC, Familiarity, familiarities
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
DISTANCE = "kilometres_to_neighbour"  # an output: how far away the nearest known block group is
LIMITS = "price_limits"  # an output: the lowest and the highest price that a version answers with
_PER_HOUSEHOLD = {
    "rooms_per_household": "total_rooms",
    "bedrooms_per_household": "total_bedrooms",
    "persons_per_household": "population",
}
# What a price is put down to, and the fields of each; the place is one thing, as of longitude and
# latitude neither means anything alone.
EXPLAINED = {
    "place": ("longitude", "latitude", "ocean_proximity"),
    **{name: (name,) for name in NUMERIC_FEATURES if name not in {"longitude", "latitude"}},
}
NUM_NEIGHBOURS = 8  # in an explanation
_METHOD = (
    "Shapley values against known block groups; neighbours by the weights of the attention to them"
)
_WARNED_OF = {*NUMERIC_FEATURES, *_PER_HOUSEHOLD, DISTANCE}
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
    """A range that holds the true price as often as stated, over all block groups together."""

    low: Annotated[float, Field(description="US dollars of 1990")]
    high: Annotated[float, Field(description="US dollars of 1990")]
    coverage: Annotated[float, Field(description="share of true prices that are inside")]
    open_below: Annotated[
        bool | None,
        Field(
            description="whether `low` is the lowest price that the version knows, so that the "
            "true one may lie below; null of a version that does not tell"
        ),
    ]
    open_above: Annotated[
        bool | None, Field(description="the same of `high`, the highest price, and above")
    ]


class RangeWarning(TypedDict):
    """A value that is possible, but unlike anything the model was trained on."""

    field: Annotated[
        str,
        Field(
            description="a field, a ratio of two such as rooms_per_household, or "
            "kilometres_to_neighbour: how far away the nearest block group is that the model knows"
        ),
    ]
    message: str
    minimum: Annotated[float, Field(description="the smallest value seen in training")]
    maximum: Annotated[float, Field(description="the largest value seen in training")]


class Contribution(TypedDict):
    """What one feature adds to the price, or takes from it."""

    feature: Annotated[str, Field(description="a field, or the place: where it lies")]
    values: Annotated[
        dict[str, float | str | None],
        Field(description="of the feature's fields, as they were sent"),
    ]
    usd: Annotated[float, Field(description="US dollars of 1990")]


class Neighbour(TypedDict):
    """A block group that the model knows, near by."""

    longitude: Annotated[float, Field(description="degrees")]
    latitude: Annotated[float, Field(description="degrees")]
    price_usd: Annotated[float, Field(description="its median house value, US dollars of 1990")]
    kilometres: Annotated[float, Field(ge=0, description="how far away it is")]
    weight: Annotated[float, Field(ge=0, le=1, description="share in what the model looks at")]


class HousingExplanation(TypedDict):
    """Why the price is what it is."""

    base_usd: Annotated[
        float, Field(description="mean price of the block groups that it is compared with")
    ]
    contributions: Annotated[
        list[Contribution],
        Field(description="the largest first; with the base they add up to the price"),
    ]
    neighbours: Annotated[
        list[Neighbour], Field(description="those that weighed most, the heaviest first")
    ]
    method: str


class HousingResponse(TypedDict):
    """The median house value of the block group."""

    price_usd: Annotated[float, Field(description="US dollars of 1990", examples=[412_300.0])]
    interval_usd: Interval
    warnings: Annotated[
        list[RangeWarning],
        Field(
            description="one per value outside the training range, or of a place without known "
            "neighbours; the price is then a guess"
        ),
    ]
    familiarity: Annotated[
        Familiarity | None, Field(description="null of a version that does not tell it")
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
    warnings = _range_warnings(inputs, outputs, card)
    familiar = familiarities(outputs, len(warnings))
    columns = *prices.round(2).tolist(), *_open_ends(outputs), warnings, familiar
    return [
        {
            "price_usd": price,
            "interval_usd": {
                "low": low,
                "high": high,
                "coverage": COVERAGE,
                "open_below": below,
                "open_above": above,
            },
            "warnings": warned,
            "familiarity": familiarity,
        }
        for low, price, high, below, above, warned, familiarity in zip(*columns, strict=True)
    ]


def _open_ends(outputs: Tensors) -> tuple[list[bool | None], list[bool | None]]:
    """Tell whether the interval ends where the version's prices do, below and above."""
    if LIMITS not in outputs:
        unknown: list[bool | None] = [None] * len(outputs["price"])
        return unknown, unknown
    lowest, highest = outputs[LIMITS].T  # [batch] each
    below, above = outputs["price_low"] <= lowest, outputs["price_high"] >= highest
    return below.tolist(), above.tolist()


def explain(
    requests: Sequence[HousingRequest], _inputs: Tensors, outputs: Tensors
) -> list[HousingExplanation]:
    """Put what the signature `explain` gives besides into the words of the request."""
    fields = (*NUMERIC_FEATURES, "ocean_proximity")
    sent = [
        dict(zip(fields, row, strict=True)) for row in zip(*columns(requests, *fields), strict=True)
    ]
    added = zip(outputs["features"].tolist(), outputs["contributions"].tolist(), strict=True)
    rows = zip(sent, outputs["base"].tolist(), added, strict=True)
    neighbours = zip(*(outputs[f"neighbour_{name}"].tolist() for name in _NEIGHBOUR), strict=True)
    return [
        {
            "base_usd": round(base, 2),
            "contributions": _contributions(row, *each),
            "neighbours": _neighbours(*near),
            "method": _METHOD,
        }
        for (row, base, each), near in zip(rows, neighbours, strict=True)
    ]


_NEIGHBOUR = ("longitudes", "latitudes", "prices", "kilometres", "weights")


def _contributions(
    row: Mapping[str, Any], names: list[bytes], dollars: list[float]
) -> list[Contribution]:
    found: list[Contribution] = [
        {
            "feature": name.decode(),
            "values": {field: row[field] for field in EXPLAINED.get(name.decode(), ())},
            "usd": round(each, 2),
        }
        for name, each in zip(names, dollars, strict=True)
    ]
    return sorted(found, key=lambda each: -abs(each["usd"]))


def _neighbours(*columns: list[float]) -> list[Neighbour]:
    return [
        {
            "longitude": round(longitude, 4),
            "latitude": round(latitude, 4),
            "price_usd": round(price, 2),
            "kilometres": round(kilometres, 3),
            "weight": round(weight, 4),
        }
        for longitude, latitude, price, kilometres, weight in zip(*columns, strict=True)
        if weight > 0
    ]


def measure(inputs: Tensors, outputs: Tensors) -> Tensors:
    """Give each field, what there is of rooms and persons a household, and what was answered."""
    households = np.maximum(inputs["households"], 1).astype(np.float64)
    known = {
        **{name: inputs[name].astype(np.float64) for name in NUMERIC_FEATURES},
        "ocean_proximity": inputs["ocean_proximity"],
        "rooms_per_household": inputs["total_rooms"] / households,
        "persons_per_household": inputs["population"] / households,
        "price": outputs["price"].astype(np.float64),
        "price.width": (outputs["price_high"] - outputs["price_low"]).astype(np.float64),
    }
    if FAMILIARITY in outputs:
        known[FAMILIARITY] = outputs[FAMILIARITY].astype(np.float64)
    return known


def ratios(inputs: Tensors) -> Tensors:
    """Give what there is of rooms, bedrooms and persons a household, float32[batch] each."""
    return {name: inputs[field] / inputs["households"] for name, field in _PER_HOUSEHOLD.items()}


def _range_warnings(
    inputs: Tensors, outputs: Tensors, card: ModelCard | None
) -> list[list[RangeWarning]]:
    warnings: list[list[RangeWarning]] = [[] for _ in range(len(inputs["latitude"]))]
    ranges, lows, highs = _ranges(() if card is None else card.input_ranges)
    if not ranges:
        return warnings
    unknown = np.full(len(warnings), np.nan, np.float32)
    told = {**inputs, **ratios(inputs), DISTANCE: outputs.get(DISTANCE, unknown)}
    values = np.concatenate([told[seen.name] for seen in ranges]).reshape(len(ranges), -1)
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
    # A card may tell of other quantities, too.
    ranges = [_Range(*each) for each in seen if each[0] in _WARNED_OF]
    lows = np.array([[each.minimum] for each in ranges], np.float32)
    highs = np.array([[each.maximum] for each in ranges], np.float32)
    return ranges, lows, highs


def _range_warning(seen: _Range, value: float) -> RangeWarning:
    trained = f"the model was trained on {seen.minimum:g} to {seen.maximum:g}"
    message = f"{seen.name} is {value:g}; {trained}"
    if seen.name == DISTANCE:
        message = f"the nearest block group that the model knows is {value:,.0f} km away; {trained}"
    return {
        "field": seen.name,
        "message": message,
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
        outputs={
            **{name: TensorSpec("float32") for name in _PRICES},
            FAMILIARITY: FAMILIARITY_SPEC,
            DISTANCE: TensorSpec("float32"),
            LIMITS: TensorSpec("float32", (None, 2)),
        },
        optional_outputs=frozenset({FAMILIARITY, DISTANCE, LIMITS}),
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
    explanation=Explanation(
        outputs={
            "base": TensorSpec("float32"),
            "features": TensorSpec("string", (None, len(EXPLAINED))),
            "contributions": TensorSpec("float32", (None, len(EXPLAINED))),
            **{
                f"neighbour_{name}": TensorSpec("float32", (None, NUM_NEIGHBOURS))
                for name in _NEIGHBOUR
            },
        },
        response=HousingExplanation,
        postprocess=explain,
    ),
    measure=measure,
)
