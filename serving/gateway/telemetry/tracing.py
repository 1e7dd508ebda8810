"""Traces: a span for each prediction and for each of its stages, sent out by OpenTelemetry.

Where they go, and how many of them, OpenTelemetry reads from its own OTEL_… variables. This is the
only file that knows its packages, which are an extra.
"""

import os
from collections.abc import Mapping

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.datastructures import Headers
from starlette.types import Scope

from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import (
    MAX_LOGGED_PATH,
    ModelAsked,
    RequestContext,
    new_context,
)

_TIMEOUT_SECONDS = 2
_PROPAGATOR = TraceContextTextMapPropagator()


class Tracing:
    """Begins the contexts of requests; those of predictions are traced."""

    def __init__(self) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME", "tfgate")
        self._provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
        # A collector that is away must not hold up a stop for longer than an orchestrator waits.
        timeout = float(os.environ.get("OTEL_EXPORTER_OTLP_TIMEOUT", _TIMEOUT_SECONDS))
        exporter = OTLPSpanExporter(timeout=timeout)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("tfgate")

    def new_context(
        self, scope: Scope, model_asked: ModelAsked, typed: Mapping[str, str]
    ) -> RequestContext:
        """Begin the context of a request, as part of the caller's trace if it names one."""
        context = new_context(scope, model_asked, typed)
        if context.model is None:
            return context
        span = self._tracer.start_span(
            _span_name(context),
            context=_PROPAGATOR.extract(Headers(scope=scope)),
            kind=SpanKind.SERVER,
        )
        return _TracedContext(context, tracer=self._tracer, span=span)

    def close(self) -> None:
        """Send out what has not left yet."""
        self._provider.shutdown()


def _span_name(context: RequestContext) -> str:
    """Name a prediction by what is among few: paths hold whatever clients write there."""
    if context.path.startswith("/predict/"):
        return f"{context.method} /predict/{context.model}"
    return f"{context.method} {context.model}"


class _TracedContext(RequestContext):
    """A context whose stages are spans as well."""

    def __init__(self, context: RequestContext, *, tracer: Tracer, span: Span) -> None:
        super().__init__(
            context.request_id, context.method, context.path, context.headers, context.model
        )
        self.trace_id = f"{span.get_span_context().trace_id:032x}"
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

    def trace_headers(self) -> dict[str, str]:
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier, set_span_in_context(self._stage_span or self._span))
        return carrier

    def finish(self, status: int) -> None:
        super().finish(status)
        # Names of OpenTelemetry's semantic conventions for HTTP, and our own.
        attributes: dict[str, str | int] = {
            "http.request.method": self.method,
            "http.response.status_code": status,
            "url.path": self.path[:MAX_LOGGED_PATH],
            "tfgate.request_id": self.request_id,
            "tfgate.outcome": self.outcome,
            "tfgate.instances": self.num_instances,
        }
        if self.version is not None:
            attributes["tfgate.version"] = self.version
        self._span.set_attributes(attributes)
        if status >= 500:
            self._span.set_status(StatusCode.ERROR, self.error)
        self._span.end()
