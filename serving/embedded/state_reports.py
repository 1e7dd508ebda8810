"""What the world is told of every version's state, and waiting for models to become available.

Reports are kept after a version is gone, as in TF Serving; nothing here loads or unloads.
"""

import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus

from serving.embedded.statuses import StatusError, unavailable, unknown

START: int = ModelVersionStatus.START
LOADING: int = ModelVersionStatus.LOADING
AVAILABLE: int = ModelVersionStatus.AVAILABLE
UNLOADING: int = ModelVersionStatus.UNLOADING
END: int = ModelVersionStatus.END


@dataclass(frozen=True)
class Report:
    """The latest state of a version; `life` is the number of the report it started with."""

    model: str
    version: int
    state: int
    error: StatusError | None
    life: int

    def __str__(self) -> str:
        """Name the version as TF Serving's lists of failures do."""
        reason = f" due to error: {self.error}" if self.error else ""
        return f"{{{{name: {self.model} version: {self.version}}}{reason}}}, "


class StateReports:
    """The latest report of every version ever seen; may be used from many threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._reports: dict[str, dict[int, Report]] = {}
        self._closed = False
        self.count = 0

    def publish(
        self, model: str, version: int, state: int, error: StatusError | None = None
    ) -> None:
        """Record a new state and wake everyone who waits."""
        with self._changed:
            self.count += 1
            versions = self._reports.setdefault(model, {})
            life = self.count if state == START else versions[version].life
            versions[version] = Report(model, version, state, error, life)
            self._changed.notify_all()

    def of_model(self, model: str) -> list[Report]:
        """Return the reports of all versions of a model, newest version first."""
        with self._changed:
            return list(self._newest_first(model, since=0))

    def wait_until_available(self, models: Collection[str], noun: str, since: int = 0) -> None:
        """Wait without limit until each model has a version that is available, or one that ended.

        Versions that started before report number `since` are left out, so that an earlier life
        of a version, even while it is still ending, counts neither for nor against it.

        Raises:
            StatusError: UNKNOWN when a model's version ended first, UNAVAILABLE when the server
                stops meanwhile.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._settled(models, since) is not None)
            if self._closed:
                raise unavailable("The server is shutting down.")
            reports = self._settled(models, since) or []
        failed = [report for report in reports if report.state != AVAILABLE]
        if failed:
            listed = "".join(str(report) for report in failed)
            raise unknown(f"{len(failed)} {noun}(s) did not become available: {{{listed}}}")

    def close(self) -> None:
        """Release everyone who waits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _settled(self, models: Collection[str], since: int) -> list[Report] | None:
        settled = []
        for model in sorted(models):
            final = (r for r in self._newest_first(model, since) if r.state in (AVAILABLE, END))
            report = next(final, None)
            if report is None:
                return None
            settled.append(report)
        return settled

    def _newest_first(self, model: str, since: int) -> Iterator[Report]:
        versions = self._reports.get(model, {})
        return (versions[v] for v in sorted(versions, reverse=True) if versions[v].life > since)
