"""What a release is: which version of a model answers, which one is tried, and when to go back.

Knows neither files nor requests: `release_file.py` reads it, `split.py` goes by it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticCustomError

from serving.gateway.releases.notation import (
    Duration,
    HeaderName,
    HeaderValue,
    ModelName,
    Moment,
    Name,
    Number,
    Percent,
    Version,
    WrittenStep,
)

# Rust's kind of pattern takes 6.5 MB of memory for the letters of all languages 64 times.
_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, regex_engine="python-re")
_MAX_NAMES = 20  # that are told


class Stage(NamedTuple):
    """How far the steps have come: the number of the step, from 1, or 0 before the first one."""

    number: int
    percent: float
    until: datetime | None  # the last one stays


class Cohort(BaseModel):
    """Callers by the names of their API keys, or by values of a header.

    The names of headers are compared without regard to case, their values with it.
    """

    model_config = _STRICT

    keys: tuple[Name, ...] = ()
    headers: Mapping[HeaderName, Annotated[tuple[HeaderValue, ...], Field(min_length=1)]] = Field(
        default_factory=dict
    )

    @model_validator(mode="after")
    def _names_each_header_once(self) -> Self:
        seen: dict[str, str] = {}
        for name in self.headers:
            other = seen.setdefault(name.lower(), name)
            if other != name:
                message = f"{name} and {other} are the same header; give all values to one of them"
                raise _wrong(message, "headers", name)
        return self


class Candidate(Cohort):
    """The version that is tried: by a share of all callers, and by those who are named.

    A share may grow by `steps` from when it was `started`, and stays at the last one. Who belongs
    to it is decided `by` a hash of the header X-Release-Key, of the API key's name, or of the
    request's id, which also stands in where a request has no such header or key.
    """

    version: Version
    percent: Percent | None = None
    steps: Annotated[tuple[WrittenStep, ...], Field(min_length=1, max_length=100)] = ()
    started: Moment | None = None
    by: Literal["release-key", "api-key", "request-id"] = "release-key"
    cohorts: tuple[str, ...] = ()
    compare: Percent = Field(
        default=0, description="of its requests, which the stable version is asked as well"
    )

    @model_validator(mode="after")
    def _has_one_share(self) -> Self:
        if self.percent is not None and self.steps:
            message = "either percent or steps, not both; leave one out"
            raise _wrong(message, "steps")
        if self.steps and self.started is None:
            message = "steps need the time from which they count, such as "
            raise _wrong(f"{message}started = 2026-11-29T12:00:00Z", "steps")
        if self.percent is None and not (self.steps or self.keys or self.headers or self.cohorts):
            message = "nobody would come to it; give percent, steps, keys, headers or cohorts"
            raise _wrong(message)
        return self

    @model_validator(mode="after")
    def _never_shrinks(self) -> Self:
        for number, later in enumerate(self.steps[1:], start=1):
            before = self.steps[number - 1].percent
            if later.percent < before:
                message = (
                    f"{later.percent:g}% comes after {before:g}%; a share grows: sort the steps"
                )
                raise _wrong(message, "steps", number)
        return self

    def percent_at(self, now: datetime) -> float:
        """Return the share of the callers who are not named, in percent."""
        return self.stage_at(now).percent

    def stage_at(self, now: datetime) -> Stage:
        """Return how far the steps have come; a share without steps is the first one and last."""
        if not self.steps or self.started is None:
            return Stage(1, self.percent or 0.0, None)
        if now < self.started:
            return Stage(0, 0.0, self.started)
        until = self.started
        for number, (percent, lasts) in enumerate(self.steps, start=1):
            until += lasts
            if now < until and number < len(self.steps):
                return Stage(number, percent, until)
        return Stage(len(self.steps), self.steps[-1].percent, None)


class Shadow(BaseModel):
    """A version that is asked what others have answered, and is never heard."""

    model_config = _STRICT

    version: Version
    percent: Percent = 100


class Guard(BaseModel):
    """When the candidate's share is taken back: a rule is broken within the window.

    A limit that is left out is no rule; without any, nothing is judged. Each is held against what
    is sure: `guard.py` says how sure.
    """

    model_config = _STRICT

    window: Duration = timedelta(minutes=5)
    least_requests: Annotated[int, Field(strict=True, ge=1, le=2**63 - 1)] = 100
    errors: Number | None = Field(
        default=None, ge=0, lt=1, description="more than stable's share of failed requests"
    )
    p99_ratio: Number | None = Field(default=None, ge=1, description="of stable's p99 latency")
    disagreement: Number | None = Field(
        default=None, ge=0, lt=1, description="share of compared rows outside the tolerance"
    )
    drift: Number | None = Field(
        default=None, gt=0, description="population stability index of the answers to stable's"
    )
    accuracy_drop: Number | None = Field(
        default=None, ge=0, lt=1, description="less than stable's accuracy, by feedback"
    )
    rmse_ratio: Number | None = Field(
        default=None, ge=1, description="of stable's root mean squared error, by feedback"
    )
    tolerance: Number = Field(
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
        message = f"version {self.stable} is stable already; name another one, or leave it out"
        if self.previous == self.stable:
            raise _wrong(message, "previous")
        for role, other in (("candidate", self.candidate), ("shadow", self.shadow)):
            if other is not None and other.version == self.stable:
                raise _wrong(message, role, "version")
        return self

    @model_validator(mode="after")
    def _guards_something(self) -> Self:
        if self.guard is None:
            return self
        if self.candidate is None:
            message = "there is no candidate whose share it could take back; leave the guard out"
            raise _wrong(message, "guard")
        rules = [name for name, field in Guard.model_fields.items() if field.default is None]
        if all(getattr(self.guard, name) is None for name in rules):
            message = f"it has no rule, and never takes back; give it one of {', '.join(rules)}"
            raise _wrong(message, "guard")
        if self.guard.disagreement is not None and not self.candidate.compare:
            message = "nothing is compared, so that it never takes back; give the candidate compare"
            raise _wrong(f"{message} = 10, or leave the rule out", "guard", "disagreement")
        return self

    @property
    def versions(self) -> set[int]:
        """The versions that must be kept loaded."""
        named = (self.candidate, self.shadow)
        others = {each.version for each in named if each is not None}
        return {self.stable, *others} | ({self.previous} if self.previous else set())

    def identity(self, model: str) -> str | None:
        """Return by what all gateways know a candidate; one that starts anew is another one."""
        candidate = self.candidate
        if candidate is None:
            return None
        started = candidate.started.isoformat() if candidate.started else ""
        return f"{model}/{candidate.version}/{started}"


class Releases(BaseModel):
    """The releases of all models that have one, and the cohorts that they may name.

    As a context for validation, the names of the models that there are may be given.
    """

    model_config = _STRICT

    cohorts: Mapping[Name, Cohort] = Field(default_factory=dict)
    models: Mapping[ModelName, Release] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _names_what_there_is(self, info: ValidationInfo) -> Self:
        for name, release in self.models.items():
            if info.context is not None and name not in info.context:
                raise _wrong(_unknown(name, info.context, kind="model"), "models", name)
            cohorts = release.candidate.cohorts if release.candidate else ()
            for number, cohort in enumerate(cohorts):
                if cohort not in self.cohorts:
                    at = ("models", name, "candidate", "cohorts", number)
                    raise _wrong(_unknown(cohort, self.cohorts, kind="cohort"), *at)
        return self

    @model_validator(mode="after")
    def _puts_everybody_in_one_cohort(self) -> Self:
        owners: dict[tuple[str, str], str] = {}
        for name, cohort in self.cohorts.items():
            if not cohort.keys and not cohort.headers:
                message = 'nobody is in it; give keys = ["alice"] or headers = { X-Beta = ["yes"] }'
                raise _wrong(message, "cohorts", name)
            for what, at in _members(cohort):
                owner = owners.setdefault(what, name)
                if owner != name:
                    message = f"{what[1]!r} is in the cohort {owner} as well; leave it in one"
                    raise _wrong(message, "cohorts", name, *at)
        return self


def _members(cohort: Cohort) -> list[tuple[tuple[str, str], tuple[str | int, ...]]]:
    """List who belongs to a cohort, as it is compared, and where in the cohort that is said."""
    keys = [(("", key), ("keys", number)) for number, key in enumerate(cohort.keys)]
    headers = [
        ((name.lower(), value), ("headers", name, number))
        for name, values in cohort.headers.items()
        for number, value in enumerate(values)
    ]
    return [*keys, *headers]


def _unknown(name: str, names: Collection[str], *, kind: str) -> str:
    """Say that there is no such thing, and what may be meant."""
    there = sorted(names)
    if nearest := get_close_matches(name, there, n=1):
        return f"there is no {kind} {name!r:.60}; did you mean {nearest[0]}?"
    more = ", …" if len(there) > _MAX_NAMES else ""
    are = f"there are {', '.join(there[:_MAX_NAMES])}{more}" if there else "there is none"
    return f"there is no {kind} {name!r:.60}; {are}"


def _wrong(message: str, *at: str | int) -> PydanticCustomError:
    """Build the error of what is wrong as a whole, and which part of it shows that."""
    return PydanticCustomError("release", "{message}", {"message": message, "at": at})
