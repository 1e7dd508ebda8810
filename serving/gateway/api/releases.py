"""A model's release as it is told under /models: what the file says, how it stands, both sides.

All of it is as one process sees it: its own requests, and its own guard.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from serving.gateway.releases.disagreements import Disagreement
from serving.gateway.releases.guard import Sides
from serving.gateway.releases.release import Candidate, Guard
from serving.gateway.releases.running import Running, State

_STATES = (
    "running: as the file says; waiting: not yet, by the reason; taken back: the guard has set the "
    "candidate's share to nothing"
)


class ReleaseSummary(BaseModel):
    """How a release stands, in short."""

    state: State = Field(description=_STATES)
    stable: int = Field(description="the version that answers whoever names none")
    candidate: int | None = Field(description="the version that is tried", examples=[4])
    percent: float = Field(description="its share at this moment", examples=[5])


class ReleaseStep(BaseModel):
    """A share of the requests, and how long it lasts; the last one stays."""

    percent: float
    lasts_seconds: float


class CandidateDescription(BaseModel):
    """The version that is tried, and by whom."""

    version: int
    percent: float = Field(
        description="the share, at this moment, of those who are not named; nothing while the "
        "release waits, or is taken back",
        examples=[10],
    )
    by: str = Field(
        description="what decides who belongs to it: the header X-Release-Key, the API key's name "
        "or the request's id",
        examples=["release-key"],
    )
    started: datetime | None
    steps: list[ReleaseStep]
    step: int | None = Field(description="which of them it is, from 1; 0 before the first one")
    next_step: datetime | None = Field(description="when the next one comes")
    compare: float = Field(description="percent of its requests, which stable is asked as well")
    num_keys: int = Field(description="API keys that are named")
    num_headers: int = Field(description="values of headers that are named")
    cohorts: list[str] = Field(description="the cohorts that are named")


class ShadowDescription(BaseModel):
    """A version that is asked what others have answered, and is never heard."""

    version: int
    percent: float


class GuardDescription(BaseModel):
    """When the candidate's share is taken back."""

    window_seconds: float
    least_requests: int = Field(description="of each side, before it is judged")
    rules: dict[str, float] = Field(
        description="the limits, by rule", examples=[{"errors": 0.01, "p99_ratio": 1.5}]
    )


class ReleaseDescription(BaseModel):
    """A release as it runs in the process that answers.

    Each gateway, and each worker of it, judges and counts its own requests: another one may tell
    other figures. Metrics, which are of all, are at /metrics; how good the answers were, by
    feedback that came to any gateway of the same store, is at /feedback/{model}/figures.
    """

    state: State = Field(description=_STATES)
    reason: str | None = Field(description="why it waits, or was taken back")
    stable: int = Field(
        description="the version that is to answer whoever names none; the one that does is the "
        "model's `version`"
    )
    previous: int | None = Field(description="the stable version before it")
    candidate: CandidateDescription | None
    shadow: ShadowDescription | None
    guard: GuardDescription | None
    figures: Sides = Field(
        description="what was seen of both sides within the guard's window (5 minutes if there is "
        "no guard), of requests that name no version, and what each rule says of it"
    )


class Disagreements(BaseModel):
    """The last requests that two versions have answered otherwise, newest first.

    Of those that came to the process that answers. `version` answered, and `other_version` was
    asked as well. `inputs_sha256` tells whether two inputs are the same; the inputs themselves are
    null unless operators keep them: TFGATE_KEEP_DISAGREEING_INPUTS.
    """

    model: str
    disagreements: list[Disagreement]


def summary(running: Running | None) -> ReleaseSummary | None:
    """Tell in short how a release stands; None if there is none."""
    if running is None:
        return None
    candidate = running.release.candidate
    return ReleaseSummary(
        state=running.state,
        stable=running.release.stable,
        candidate=candidate.version if candidate else None,
        percent=_percent(running),
    )


def description(running: Running | None) -> ReleaseDescription | None:
    """Tell how a release stands; None if there is none."""
    if running is None:
        return None
    release = running.release
    candidate, shadow, guard = release.candidate, release.shadow, release.guard
    return ReleaseDescription(
        state=running.state,
        reason=running.reason,
        stable=release.stable,
        previous=release.previous,
        candidate=_candidate(candidate, _percent(running)) if candidate else None,
        shadow=ShadowDescription(version=shadow.version, percent=shadow.percent)
        if shadow
        else None,
        guard=_guard(guard) if guard else None,
        figures=running.judge.figures(),
    )


def _percent(running: Running) -> float:
    # A share is kept between 0 and 1, and 0.07 times 100 is no 7.
    return round(100 * running.share, 6)


def _candidate(candidate: Candidate, percent: float) -> CandidateDescription:
    stage = candidate.stage_at(datetime.now(UTC))
    return CandidateDescription(
        version=candidate.version,
        percent=percent,
        by=candidate.by,
        started=candidate.started,
        steps=[
            ReleaseStep(percent=each.percent, lasts_seconds=each.lasts.total_seconds())
            for each in candidate.steps
        ],
        step=stage.number if candidate.steps else None,
        next_step=stage.until,
        compare=candidate.compare,
        num_keys=len(candidate.keys),
        num_headers=sum(map(len, candidate.headers.values())),
        cohorts=list(candidate.cohorts),
    )


def _guard(guard: Guard) -> GuardDescription:
    rules: Mapping[str, Any] = guard.model_dump(
        exclude={"window", "least_requests", "tolerance"}, exclude_none=True
    )
    return GuardDescription(
        window_seconds=guard.window.total_seconds(),
        least_requests=guard.least_requests,
        rules=dict(rules),
    )
