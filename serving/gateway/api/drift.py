"""GET /models/{model}/drift: what live requests look like beside those of the training."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path
from pydantic import BaseModel, Field

from serving.gateway.api.openapi import problem_responses
from serving.gateway.drift.counted import LEARNED_FROM, Counted, CountedVersion, Versions
from serving.gateway.drift.reading import State, least_rows, read
from serving.gateway.drift.statistics import DRIFTED, MOVED, shift
from serving.gateway.drift.windows import SLICE_SECONDS
from serving.gateway.inference.registry import Registry
from serving.histograms import names

_PERIODS = {"1h": 3_600, "24h": 86_400}


class Period(BaseModel):
    """One quantity over a while."""

    rows: int = Field(description="that came")
    shares: list[float] = Field(description="of them in each bin")
    state: State
    index: float = Field(
        description="population stability index, less what chance is worth: what has `moved`, and "
        "what has `drifted`, `limits` tell"
    )
    p_value: float = Field(description="how probable so much is if nothing has changed")
    reading: str = Field(description="what that says, in words")


class Point(BaseModel):
    """Ten minutes of a quantity."""

    began: float = Field(description="seconds since 1970")
    rows: int
    index: float


class QuantityDrift(BaseModel):
    """A quantity of requests or answers: what the training had, and what came."""

    quantity: str
    bins: list[str] = Field(description="their names; the last is that of missing values")
    training: list[float] = Field(description="share of each bin")
    training_rows: int
    periods: dict[str, Period] = Field(description="the last hour and the last day: 1h and 24h")
    points: list[Point] = Field(
        description="ten minutes each, oldest first, of those in which enough rows came"
    )


class VersionDrift(BaseModel):
    """What one version was asked."""

    version: int
    learned: bool = Field(
        description="whether the bins are those of the first rows that came, as the version tells "
        "nothing of its training"
    )
    learned_from: int = Field(description="rows that bins are still being learned from")
    quantities: list[QuantityDrift]


class Limits(BaseModel):
    """From which index on a quantity is said to have changed."""

    moved: float = MOVED
    drifted: float = DRIFTED


class Drift(BaseModel):
    """Drift of one model, as the process that answers has seen it.

    Each gateway, and each worker of it, counts its own requests; of all together, Prometheus tells.
    """

    model: str
    reading: str = Field(description="in words")
    limits: Limits = Limits()
    versions: list[VersionDrift] = Field(description="that have answered, the newest first")


def drift_router(registry: Registry, versions: Versions) -> APIRouter:
    """Build the route."""
    router = APIRouter(tags=["models"])

    @router.get(
        "/models/{model}/drift",
        summary="How requests have moved away from the training",
        responses=problem_responses(404, 503, 504),
    )
    async def drift(model: Annotated[str, Path()]) -> Drift:
        await registry.find(model)
        found = sorted((key for key in versions if key[0] == model), reverse=True)
        described = [_version(versions[key]) for key in found]
        return Drift(model=model, reading=_reading(described), versions=described)

    return router


def _version(counted: CountedVersion) -> VersionDrift:
    return VersionDrift(
        version=counted.version,
        learned=counted.is_learned,
        learned_from=counted.num_learned_from,
        quantities=[_quantity(each) for each in counted.quantities.values()],
    )


def _quantity(counted: Counted) -> QuantityDrift:
    histogram, window = counted.histogram, counted.window
    return QuantityDrift(
        quantity=histogram.quantity,
        bins=names(histogram),
        training=histogram.shares,
        training_rows=histogram.count,
        periods={name: _period(counted, seconds) for name, seconds in _PERIODS.items()},
        points=[
            Point(
                began=began,
                rows=int(counts.sum()),
                index=shift(counts, np.array(histogram.shares), histogram.count).index,
            )
            for began, counts in window.slices()
            if counts.sum() >= least_rows(histogram) * SLICE_SECONDS / _PERIODS["1h"]
        ],
    )


def _period(counted: Counted, seconds: float) -> Period:
    counts = counted.window.total(seconds)
    found = read(counted.histogram, counts)
    return Period(
        rows=int(counts.sum()),
        shares=(counts / max(1, counts.sum())).tolist(),
        state=found.state,
        index=found.shift.index,
        p_value=found.shift.p_value,
        reading=found.words,
    )


def _reading(versions: list[VersionDrift]) -> str:
    """Sum up: what has drifted within the last hour, or else within the last day, or has moved."""
    for state in ("drifted", "moved"):
        for period in _PERIODS:
            told = [
                f"version {version.version}: {each.periods[period].reading}"
                for version in versions
                for each in version.quantities
                if each.periods[period].state == state
            ]
            if told:
                return f"within {period}, {'; '.join(told)}"
    return _unmoved(versions)


def _unmoved(versions: list[VersionDrift]) -> str:
    """Say why nothing is said to have moved: nothing came, or too little, or the same as ever."""
    if not versions:
        return "nothing has been asked yet"
    days = [each.periods["24h"] for version in versions for each in version.quantities]
    if any(day.state == "as in training" for day in days):
        return f"nothing has drifted within 24h, on {max(day.rows for day in days):,} rows"
    if any(day.rows for day in days):
        return max(days, key=lambda day: day.rows).reading
    if any(version.learned_from for version in versions):
        rows = max(version.learned_from for version in versions)
        return f"what is usual is still being learned, from {rows:,} of {LEARNED_FROM:,} rows"
    learned = " beside the rows that were learned from" if days and versions[0].learned else ""
    return f"nothing has been asked within 24h{learned}"
