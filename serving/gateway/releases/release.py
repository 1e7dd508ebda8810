"""What a release is: which version of a model answers, which one is tried, and when to go back.

Knows neither files nor requests: `release_file.py` reads it, `split.py` goes by it.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

_STRICT = ConfigDict(frozen=True, extra="forbid", regex_engine="python-re")
_DURATION = re.compile(r"(?P<number>[0-9]+(\.[0-9]+)?)(?P<unit>s|m|h|d)")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_STEP = re.compile(r"(?P<percent>[0-9]+(\.[0-9]+)?)%/(?P<lasts>\S+)")


class Step(NamedTuple):
    """A share of the traffic, and how long it lasts."""

    percent: float
    lasts: timedelta


def duration(value: object) -> timedelta:
    """Read a duration such as 30s, 10m, 1.5h or 2d.

    Raises:
        ValueError: it is none.
    """
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if isinstance(value, timedelta):
        return value
    if found is None:
        message = f"{value!r} is no duration; one is 30s, 10m, 1.5h or 2d"
        raise ValueError(message)
    return timedelta(**{_UNITS[found["unit"]]: float(found["number"])})


def step(value: object) -> Step:
    """Read a step such as 5%/30m.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, Step):
        return value
    found = _STEP.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        message = f"{value!r} is no step; one is 5%/30m: five percent for thirty minutes"
        raise ValueError(message)
    percent = float(found["percent"])
    if percent > 100:
        message = f"{value!r}: a share is at most 100%"
        raise ValueError(message)
    return Step(percent, duration(found["lasts"]))


Duration = Annotated[timedelta, BeforeValidator(duration)]
Percent = Annotated[float, Field(ge=0, le=100)]
Version = Annotated[int, Field(ge=1)]


class Cohort(BaseModel):
    """Callers by the names of their API keys, or by values of a header."""

    model_config = _STRICT

    keys: tuple[str, ...] = ()
    headers: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)


class Candidate(Cohort):
    """The version that is tried: by a share of all callers, and by those who are named.

    A share may grow by `steps` from when it was `started`, and stays at the last one. Who belongs
    to it is decided `by` a hash of the header X-Release-Key, of the API key's name, or of the
    request's id, which also stands in where a request has no such header or key.
    """

    version: Version
    percent: Percent | None = None
    steps: tuple[Annotated[Step, BeforeValidator(step)], ...] = ()
    started: AwareDatetime | None = None
    by: Literal["release-key", "api-key", "request-id"] = "release-key"
    cohorts: tuple[str, ...] = ()
    compare: Percent = Field(
        default=0, description="of its requests, which the stable version is asked as well"
    )

    @model_validator(mode="after")
    def _has_one_share(self) -> Self:
        if self.percent is not None and self.steps:
            message = "either percent or steps, not both"
            raise ValueError(message)
        if self.steps and self.started is None:
            message = "steps need the time from which they count, such as "
            raise ValueError(f"{message}started = 2026-11-29T12:00:00Z")
        return self

    def percent_at(self, now: datetime) -> float:
        """Return the share of the callers who are not named, in percent."""
        if not self.steps or self.started is None:
            return self.percent or 0.0
        if now < self.started:
            return 0.0
        ends = self.started
        for percent, lasts in self.steps:
            ends += lasts
            if now < ends:
                return percent
        return self.steps[-1].percent


class Shadow(BaseModel):
    """A version that is asked what others have answered, and is never heard."""

    model_config = _STRICT

    version: Version
    percent: Percent = 100


class Guard(BaseModel):
    """When the candidate's share is taken back: a rule is broken within the window.

    A limit that is left out is no rule. Each is held against what is sure at `false_alarms`.
    """

    model_config = _STRICT

    window: Duration = timedelta(minutes=5)
    least_requests: int = Field(default=100, ge=1)
    errors: float | None = Field(
        default=None, ge=0, lt=1, description="more than stable's share of failed requests"
    )
    p99_ratio: float | None = Field(default=None, ge=1, description="of stable's p99 latency")
    disagreement: float | None = Field(
        default=None, ge=0, lt=1, description="share of compared rows outside the tolerance"
    )
    drift: float | None = Field(
        default=None, gt=0, description="population stability index of the answers to stable's"
    )
    accuracy_drop: float | None = Field(
        default=None, ge=0, lt=1, description="less than stable's accuracy, by feedback"
    )
    rmse_ratio: float | None = Field(
        default=None, ge=1, description="of stable's root mean squared error, by feedback"
    )
    tolerance: float = Field(
        default=0.05,
        ge=0,
        description="distance of scores, or relative difference of numbers, that still agrees",
    )


class Release(BaseModel):
    """How the traffic of one model is shared out."""

    model_config = _STRICT

    stable: Version
    previous: Version | None = Field(default=None, description="the stable version before it")
    candidate: Candidate | None = None
    shadow: Shadow | None = None
    guard: Guard | None = None

    @model_validator(mode="after")
    def _has_different_versions(self) -> Self:
        for role, other in (("candidate", self.candidate), ("shadow", self.shadow)):
            if other is not None and other.version == self.stable:
                message = f"version {self.stable} is stable; it cannot be the {role} as well"
                raise ValueError(message)
        return self

    def identity(self, model: str) -> str | None:
        """Say what a guard's verdict is about: a candidate from when it started."""
        if self.candidate is None:
            return None
        started = self.candidate.started
        return f"{model}/{self.candidate.version}/{started.isoformat() if started else ''}"

    @property
    def versions(self) -> set[int]:
        """The versions that must be kept loaded."""
        named = (self.candidate, self.shadow)
        others = {each.version for each in named if each is not None}
        return {self.stable, *others} | ({self.previous} if self.previous else set())


class Releases(BaseModel):
    """The releases of all models that have one, and the cohorts that they may name."""

    model_config = _STRICT

    cohorts: Mapping[str, Cohort] = Field(default_factory=dict)
    models: Mapping[str, Release] = Field(default_factory=dict)
