"""What is noted about one request on its way, and how it reaches the log and the metrics."""

import logging
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from starlette.requests import Request

from serving.gateway import metrics
from serving.models import MODELS

_LOGGER = logging.getLogger("tfgate.access")
_REQUEST_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_MAX_LOGGED_PATH = 200


@dataclass
class Record:
    """The story of one request, filled in as it goes.

    `model` stays None for requests that are no predictions; `version` until one has answered.
    `error` is for operators: what went wrong on our side, with its cause.
    """

    request_id: str
    model: str | None = None
    version: int | None = None
    outcome: str = "ok"
    error: str | None = None
    instances: int = 0
    stage_seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage; `name` is one of metrics.STAGES."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.stage_seconds[name] = time.perf_counter() - started

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the request as in flight."""
        if self.model is None or self.model == metrics.UNKNOWN_MODEL:
            yield
            return
        with metrics.IN_FLIGHT.labels(self.model).track_inprogress():
            yield

    def finish(self, scope: Mapping[str, Any], status: int) -> None:
        """Write the log line and count the request."""
        seconds = time.perf_counter() - self.started
        level = logging.INFO
        if status >= 500:
            level = logging.ERROR
        elif scope["path"] in ("/healthz", "/readyz", "/metrics"):
            level = logging.DEBUG
        _LOGGER.log(level, "request", extra=self._log_fields(scope, status, seconds))
        if self.model is not None:
            self._count(self.model, seconds)

    def _log_fields(self, scope: Mapping[str, Any], status: int, seconds: float) -> dict[str, Any]:
        return {
            "request_id": self.request_id,
            "method": scope["method"],
            "path": scope["path"][:_MAX_LOGGED_PATH],
            "status": status,
            "outcome": self.outcome,
            "model": self.model,
            "version": self.version,
            "instances": self.instances,
            "error": self.error,
            "milliseconds": round(1000 * seconds, 3),
            "stages": {name: round(1000 * took, 3) for name, took in self.stage_seconds.items()},
        }

    def _count(self, model: str, seconds: float) -> None:
        version = metrics.NO_VERSION if self.version is None else str(self.version)
        metrics.REQUESTS.labels(model, version, self.outcome).inc()
        if model == metrics.UNKNOWN_MODEL:
            return
        metrics.REQUEST_SECONDS.labels(model).observe(seconds)
        if self.instances:
            metrics.INSTANCES.labels(model).observe(self.instances)
        for stage, took in self.stage_seconds.items():
            metrics.STAGE_SECONDS.labels(model, stage).observe(took)


def new_record(request_id: str | None, path: str) -> Record:
    """Begin a record under the caller's id if that is a harmless one, else under a new one."""
    if request_id is None or not _REQUEST_ID.fullmatch(request_id):
        request_id = uuid4().hex
    return Record(request_id, _model_in(path))


def _model_in(path: str) -> str | None:
    """Return the model that a prediction's path names, as far as the registry knows it."""
    match path.split("/")[1:]:
        case ["predict", name, *_]:
            return name if name in MODELS else metrics.UNKNOWN_MODEL
    return None


def record_of(request: Request) -> Record:
    """Return the record that the outermost middleware began for this request."""
    record: Record = request.state.record
    return record
