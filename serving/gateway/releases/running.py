"""A release as it runs: which versions answer now, what came of it, and why it does not begin."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Literal

from serving.gateway.releases.guard import GuardJudge
from serving.gateway.releases.release import Cohort, Guard, Release
from serving.gateway.releases.split import Split
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext

State = Literal["running", "waiting", "taken back"]


class Running:
    """The release of one model.

    `stable` is the version that answers; `candidate` is None while none may be asked. `reason` says
    why the release waits, or was taken back.
    """

    def __init__(self, model: str, release: Release, cohorts: Mapping[str, Cohort]) -> None:
        self.model = model
        self.release = release
        self._cohorts = cohorts
        self.stable = release.stable
        self.candidate: int | None = None
        # Without rules it judges nothing, and still tells both sides' figures.
        self.guard = release.guard or Guard()
        self.judge = GuardJudge(self.guard)
        self.taken_back: str | None = None
        # What keeps it from beginning, besides the versions.
        self.hindrance: str | None = "it has just been read"
        self._proved: frozenset[int] = frozenset()
        self._split: Split | None = None
        # Which version each route is to lead to.
        self.versions = {metrics.STABLE: release.stable}
        if release.candidate is not None:
            self.versions[metrics.CANDIDATE] = release.candidate.version
        self._requests = {
            (route, failed): metrics.RELEASE_REQUESTS.labels(model, str(version), route, outcome)
            for route, version in self.versions.items()
            for failed, outcome in enumerate(metrics.RELEASE_OUTCOMES)
        }
        self._seconds = {
            route: metrics.RELEASE_SECONDS.labels(model, str(version), route)
            for route, version in self.versions.items()
        }
        if release.candidate is not None:
            self._split = Split(model, release.candidate, cohorts)

    @property
    def identity(self) -> str | None:
        """What a verdict of the guard is about: a model, its candidate, and when that started."""
        return self.release.identity(self.model)

    @property
    def asks_for_drift(self) -> bool:
        """Whether its guard wants to know what both sides answer."""
        return self.guard.drift is not None

    @property
    def share(self) -> float:
        """The share of the callers who are not named that goes to the candidate now, 0 to 1."""
        return 0.0 if self.candidate is None or self._split is None else self._split.share

    @property
    def state(self) -> State:
        """How it stands."""
        if self.taken_back is not None:
            return "taken back"
        return "running" if self.reason is None else "waiting"

    @property
    def reason(self) -> str | None:
        """Why it does not run; None if it does."""
        if self.taken_back is not None:
            return self.taken_back
        candidate = self.release.candidate
        if self.stable != self.release.stable or self.stable not in self._proved:
            return f"version {self.release.stable}, which is to be stable, is not ready"
        if self.hindrance is not None:
            return self.hindrance
        if candidate is not None and candidate.version not in self._proved:
            return f"version {candidate.version}, the candidate, is not ready"
        return None

    @property
    def told(self) -> str:
        """How it stands, for the log."""
        candidate = self.release.candidate
        stable = f"version {self.stable} is stable"
        if candidate is None:
            return stable if self.reason is None else f"{stable}; {self.reason}"
        version = f"{stable}, version {candidate.version} the candidate"
        if self.taken_back is not None:
            return f"{version}, taken back by the guard: {self.taken_back}"
        return f"{version} with {self.share:.2%}" + (f"; {self.reason}" if self.reason else "")

    def is_of(self, release: Release, cohorts: Mapping[str, Cohort]) -> bool:
        """Tell whether nothing has changed in what the file says of it."""
        return self.release == release and self._cohorts == cohorts

    def choose(self, proved: Collection[int]) -> None:
        """Take note of which versions have proved themselves.

        A version that is to be stable, and is not ready, leaves the one before it where it is.
        """
        self._proved = frozenset(proved)
        if self.release.stable in self._proved or self.stable not in self._proved:
            self.stable = self.release.stable
        candidate = self.release.candidate
        may_be_asked = candidate is not None and self.state == "running"
        self.candidate = candidate.version if candidate is not None and may_be_asked else None
        self._measure()

    def take_over(self, before: "Running") -> None:
        """Go on from the release that the model had before."""
        self.stable = before.stable
        if self.identity is not None and self.identity == before.identity:
            self.taken_back, self.hindrance = before.taken_back, before.hindrance
            if self.guard == before.guard:
                self.judge = before.judge

    def tick(self, now: datetime) -> str | None:
        """Take the step that it is time for; say which rule the candidate has broken, if any."""
        broken = self.judge.judge()  # it also forgets what is older than its window
        if self.release.candidate is None or self._split is None:
            return None
        self._split.share = self.release.candidate.percent_at(now) / 100
        self._measure()
        return broken if self.candidate is not None else None

    def end(self) -> None:
        """Show no share of it any more."""
        if self.release.candidate is not None:
            for gauge in metrics.RELEASE_GAUGES:
                gauge.labels(self.model, str(self.release.candidate.version)).set(0)

    def takes(self, context: RequestContext) -> bool:
        """Tell whether a request goes to the candidate."""
        return self.candidate is not None and self._split is not None and self._split.takes(context)

    def observe(self, route: str, *, failed: bool, seconds: float | None) -> None:
        """Take note of a request that named no version; None if its seconds say nothing."""
        self.judge.observe(route, failed=failed, seconds=seconds)
        self._requests[route, failed].inc()
        if seconds is not None:
            self._seconds[route].observe(seconds)

    def _measure(self) -> None:
        candidate = self.release.candidate
        if candidate is None:
            return
        labels = self.model, str(candidate.version)
        metrics.RELEASE_SHARE.labels(*labels).set(self.share)
        metrics.RELEASE_TAKEN_BACK.labels(*labels).set(self.taken_back is not None)
        metrics.RELEASE_WAITING.labels(*labels).set(self.state == "waiting")
