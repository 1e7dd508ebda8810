"""What is noted about one request on its way, and how it reaches the log and the metrics."""

import logging
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.types import Scope

from serving.errors import Overloaded
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.access_log import AccessLog
from serving.models import MODELS

_REQUEST_ID = re.compile(rb"[\w.:-]{1,128}")
MAX_LOGGED_PATH = 200
_PROBES = ("/healthz", "/readyz", "/metrics")


@dataclass
class Record:
    """The story of one request, filled in as it goes.

    `key` is the name of the API key, if one was needed. `model` stays None for requests that are no
    predictions; `version` until one has answered.
    `error` is for operators: what went wrong on our side, with its cause.
    """

    request_id: str
    model: str | None = None
    key: str | None = None
    version: int | None = None
    outcome: str = metrics.OK
    error: str | None = None
    instances: int = 0
    stage: str | None = None
    stage_seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    _entered: float = 0.0

    def enter(self, stage: str | None) -> None:
        """Begin a stage, one of metrics.STAGES, and end the one before it."""
        now = time.perf_counter()
        if self.stage is not None:
            spent = self.stage_seconds.get(self.stage, 0.0)
            self.stage_seconds[self.stage] = spent + now - self._entered
        self.stage, self._entered = stage, now

    def trace_context(self) -> dict[str, str]:
        """Return the headers with which a call continues the trace; none if there is no trace."""
        return {}

    def finish(self, scope: Mapping[str, Any], status: int, log: AccessLog) -> None:
        """Write the log line and count the request."""
        self.enter(None)
        seconds = time.perf_counter() - self.started
        level = logging.ERROR if status >= 500 else logging.INFO
        # Probes come by the second, and are no error when told "not yet". What is shed comes by the
        # thousand just when there is no time for it: the limiter sums it up once a second.
        if status == 429 or (scope["path"] in _PROBES and status in (200, 503)):
            level = logging.DEBUG
        if log.wants(level):
            log.write(level, self._log_fields(scope, status, seconds))
        if self.model is not None:
            self._count(self.model, seconds)

    def _log_fields(self, scope: Mapping[str, Any], status: int, seconds: float) -> dict[str, Any]:
        return {
            "request_id": self.request_id,
            "method": scope["method"],
            "path": scope["path"][:MAX_LOGGED_PATH],
            "status": status,
            "outcome": self.outcome,
            "key": self.key,
            "model": self.model,
            "version": self.version,
            "instances": self.instances,
            "error": self.error,
            "milliseconds": round(1000 * seconds, 3),
            "stages": {name: round(1000 * took, 3) for name, took in self.stage_seconds.items()},
        }

    def _count(self, model: str, seconds: float) -> None:
        if model == metrics.UNKNOWN_MODEL:
            metrics.REQUESTS.labels(model, metrics.NO_VERSION, self.outcome).inc()
            return
        series = metrics.of(model, self.version)
        series.count(self.outcome)
        if self.outcome == Overloaded.code:
            return
        series.seconds.observe(seconds)
        if self.instances:
            series.instances.observe(self.instances)
        for stage, took in self.stage_seconds.items():
            series.stage_seconds[stage].observe(took)


def new_record(scope: Scope) -> Record:
    """Begin the record of a request."""
    return Record(request_id_for(scope), _model_in(scope["path"]))


def request_id_for(scope: Scope) -> str:
    """Return the caller's id if it has sent a harmless one, else a new one."""
    given = dict(scope["headers"]).get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return str(given, "ascii")
    # Unique, not secret; the secret kind costs a system call.
    return f"{random.getrandbits(128):032x}"


def _model_in(path: str) -> str | None:
    """Return the model that a prediction's path names, as far as the registry knows it."""
    match path.split("/", 3):
        case ["", "predict", name, *_]:
            return name if name in MODELS else metrics.UNKNOWN_MODEL
    return None


def record_of(request: Request) -> Record:
    """Return the record that the outermost middleware began for this request."""
    record: Record = request.scope["state"]["record"]
    return record
