"""Traces: a span for each prediction and for each of its stages, sent out by OpenTelemetry.

Where they go, and how many of them, OpenTelemetry reads from its own OTEL_… variables. This is the
only file that knows its packages, which are an extra.
"""

import os
from collections.abc import Mapping
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import Scope

from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.access_log import AccessLog
from serving.gateway.telemetry.request_context import MAX_LOGGED_PATH, Record, new_record

_TIMEOUT_SECONDS = 2
_PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """Begins the records of requests; those of predictions are traced."""

    def __init__(self) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME", "tfgate")
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
        # A collector that is away must not hold up a stop for longer than an orchestrator waits.
        timeout = float(os.environ.get("OTEL_EXPORTER_OTLP_TIMEOUT", _TIMEOUT_SECONDS))
        exporter = OTLPSpanExporter(timeout=timeout)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("tfgate")

    def new_record(self, scope: Scope) -> Record:
        """Begin the record of a request, as part of the caller's trace if it names one."""
        record = new_record(scope)
        if record.model is None:
            return record
        span = self._tracer.start_span(
            f"{scope['method']} /predict/{record.model}",
            context=_PROPAGATOR.extract(Headers(scope=scope)),
            kind=SpanKind.SERVER,
        )
        return _TracedRecord(record.request_id, record.model, tracer=self._tracer, span=span)

    def close(self) -> None:
        """Send out what has not left yet."""
        self._provider.shutdown()


class _TracedRecord(Record):
    """A record whose stages are spans as well."""

    def __init__(self, request_id: str, model: str, *, tracer: Tracer, span: Span) -> None:
        super().__init__(request_id, model)
        self._tracer = tracer
        self._span = span
        self._stage_span: Span | None = None

    def enter(self, stage: str | None) -> None:
        super().enter(stage)
        if self._stage_span is not None:
            self._stage_span.end()
            self._stage_span = None
        if stage is not None:
            kind = SpanKind.CLIENT if stage == metrics.RPC else SpanKind.INTERNAL
            context = set_span_in_context(self._span)
            self._stage_span = self._tracer.start_span(stage, context=context, kind=kind)

    def trace_context(self) -> dict[str, str]:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, set_span_in_context(self._stage_span or self._span))
        return carrier

    def finish(self, scope: Mapping[str, Any], status: int, log: AccessLog) -> None:
        super().finish(scope, status, log)
        # Names of OpenTelemetry's semantic conventions for HTTP, and our own.
        attributes: dict[str, str | int] = {
            "http.request.method": scope["method"],
            "http.response.status_code": status,
            "url.path": scope["path"][:MAX_LOGGED_PATH],
            "tfgate.request_id": self.request_id,
            "tfgate.outcome": self.outcome,
            "tfgate.instances": self.instances,
        }
        if self.version is not None:
            attributes["tfgate.version"] = self.version
        self._span.set_attributes(attributes)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR, self.error)
        self._span.end()

    def _log_fields(self, scope: Mapping[str, Any], status: int, seconds: float) -> dict[str, Any]:
        trace_id = f"{self._span.get_span_context().trace_id:032x}"
        return {**super()._log_fields(scope, status, seconds), "trace_id": trace_id}
