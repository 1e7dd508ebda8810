"""Fine particles in the air of the next day, from the last three: what is asked and answered."""

from collections.abc import Sequence
from math import cos, pi
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from serving.card import ModelCard
from serving.contract import Explanation, Model, Signature, Tensors, TensorSpec
from serving.errors import FieldError, InvalidInput
from serving.rows import columns

PAST, AHEAD = 72, 24  # hours
COVERAGE = 0.9  # share of values that lie within their intervals
SERIES = "pm25"  # the one that is forecast
WEATHER = ("dew_point", "temperature", "pressure", "wind_speed", "snow", "rain")
WIND = "wind_direction"
UNKNOWN = b""  # a wind that nobody told

Direction = Literal["NE", "NW", "SE", "cv"]
Particles = Annotated[float, Field(ge=0, le=2000)]
Celsius = Annotated[float, Field(ge=-70, le=60)]
Pressure = Annotated[float, Field(ge=850, le=1100)]
Spell = Annotated[float, Field(ge=0, le=2000)]  # what adds up over a spell


def _weather(what: str) -> Any:
    return Field(default=None, min_length=PAST, max_length=PAST, description=f"{what}, by the hour")


class AirQualityRequest(BaseModel):
    """The last 72 hours, the oldest first; null is an hour that was not measured."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    pm25: list[Particles | None] = Field(
        min_length=PAST, max_length=PAST, description="fine particles, µg/m³, by the hour"
    )
    dew_point: list[Celsius | None] | None = _weather("°C")
    temperature: list[Celsius | None] | None = _weather("°C")
    pressure: list[Pressure | None] | None = _weather("hPa")
    wind_direction: list[Direction | None] | None = _weather("cv: calm and variable")
    wind_speed: list[Spell | None] | None = _weather("m/s, added up while the direction stays")
    snow: list[Spell | None] | None = _weather("hours that it has snowed")
    rain: list[Spell | None] | None = _weather("hours that it has rained")


class Hour(TypedDict):
    """What is expected of one hour: as probably more as less than pm25."""

    hours_ahead: int
    pm25: Annotated[float, Field(description="µg/m³")]
    low: Annotated[float, Field(description="µg/m³")]
    high: Annotated[float, Field(description="µg/m³")]


class Warned(TypedDict):
    """A field that the version has not seen such values of."""

    field: str
    message: str


class AirQualityResponse(TypedDict):
    """The next 24 hours."""

    forecast: list[Hour]
    coverage: Annotated[float, Field(description="probability of each hour to be in its interval")]
    warnings: list[Warned]


class AirQualityExplanation(TypedDict):
    """What the mean of the forecast comes from, in µg/m³."""

    base: Annotated[float, Field(description="of a usual last hour, and nothing else known")]
    pm25: Annotated[list[float], Field(description="what each hour's value adds")]
    weather: Annotated[list[float], Field(description="what each hour's weather adds")]
    method: str


def preprocess(requests: Sequence[AirQualityRequest]) -> Tensors:
    """Give float32[batch, 72] each, NaN where a value is missing; directions are strings.

    Raises:
        InvalidInput: no hour of pm25 is known.
    """
    *numbers, winds = columns(requests, SERIES, *WEATHER, WIND)
    if any(not any(each is not None for each in row) for row in numbers[0]):
        message = "must have a value that is not null, of one hour at least"
        raise InvalidInput(f"{SERIES} {message}", fields=[FieldError(SERIES, message)])
    nothing = [None] * PAST
    tensors = {
        name: np.array([row or nothing for row in rows], np.float32)
        for name, rows in zip((SERIES, *WEATHER), numbers, strict=True)
    }
    named = [[each.encode() if each else UNKNOWN for each in row or nothing] for row in winds]
    return {**tensors, WIND: np.array(named, dtype=object)}


def postprocess(
    inputs: Tensors, outputs: Tensors, card: ModelCard | None
) -> list[AirQualityResponse]:
    """Give the hours of each forecast; warn of a value above all that were learned from."""
    seen = {} if card is None else card.input_statistics
    learned = seen[SERIES].maximum if SERIES in seen else np.inf
    values = np.stack([outputs[f"forecast{end}"] for end in ("", "_low", "_high")], axis=2)
    rows = values.astype(np.float64).round(1).tolist(), np.nanmax(inputs[SERIES], axis=1).tolist()
    return [
        {
            "forecast": [
                {"hours_ahead": ahead, "pm25": middle, "low": low, "high": high}
                for ahead, (middle, low, high) in enumerate(hours, 1)
            ],
            "coverage": COVERAGE,
            "warnings": _warnings(highest, learned),
        }
        for hours, highest in zip(*rows, strict=True)
    ]


def _warnings(highest: float, learned: float) -> list[Warned]:
    if highest <= learned:
        return []
    message = f"pm25 reaches {highest:g}; the highest value in training was {learned:g}"
    return [{"field": SERIES, "message": message}]


def explain(
    _requests: Sequence[AirQualityRequest], _inputs: Tensors, outputs: Tensors
) -> list[AirQualityExplanation]:
    """Round what the signature `explain` gives besides."""
    named = [outputs[name].astype(np.float64).round(2).tolist() for name in _EXPLAINED]
    return [
        {"base": base, "pm25": air, "weather": weather, "method": "integrated gradients"}
        for base, air, weather in zip(*named, strict=True)
    ]


def measure(inputs: Tensors, outputs: Tensors) -> Tensors:
    """Give the last hour, how much is missing, and the forecast of the first and the last hour."""
    known = ~np.isnan(inputs[SERIES])
    last = PAST - 1 - known[:, ::-1].argmax(axis=1)
    forecast = outputs["forecast"].astype(np.float64)
    return {
        "pm25.last": inputs[SERIES][np.arange(len(last)), last].astype(np.float64),
        "pm25.mean": np.nanmean(inputs[SERIES], axis=1, dtype=np.float64),
        "pm25.missing": 1 - known.mean(axis=1),
        **{f"{name}.last": inputs[name][:, -1].astype(np.float64) for name in WEATHER},
        f"{WIND}.last": inputs[WIND][:, -1],
        "forecast.1": forecast[:, 0],
        f"forecast.{AHEAD}": forecast[:, -1],
    }


_HOURS = TensorSpec("float32", (None, PAST))
_AHEAD = TensorSpec("float32", (None, AHEAD))
_EXPLAINED = {"base": TensorSpec("float32"), "own": _HOURS, "others": _HOURS}

MODEL = Model(
    request=AirQualityRequest,
    response=AirQualityResponse,
    signature=Signature(
        inputs={
            **dict.fromkeys((SERIES, *WEATHER), _HOURS),
            WIND: TensorSpec("string", (None, PAST)),
        },
        outputs=dict.fromkeys(("forecast", "forecast_low", "forecast_high"), _AHEAD),
    ),
    # Three days of an air that is worse by night, a gap in it, and a cold wind at the end.
    example=AirQualityRequest(
        pm25=[
            None if 20 <= hour < 23 else round(120 + 40 * cos(2 * pi * hour / 24))
            for hour in range(PAST)
        ],
        wind_direction=["cv" if hour < 66 else "NW" for hour in range(PAST)],
    ),
    preprocess=preprocess,
    postprocess=postprocess,
    max_call_rows=64,
    reads_card=True,
    reads_columns=True,
    coverage=COVERAGE,
    explanation=Explanation(_EXPLAINED, AirQualityExplanation, explain),
    measure=measure,
)
