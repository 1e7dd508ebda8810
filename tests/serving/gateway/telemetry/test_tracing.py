"""Traces as a collector receives them: a span a stage, in the caller's trace, up to the server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from serving.gateway.telemetry.metrics import STAGES
from tests.example_bodies import HOUSE
from tests.fake_model_server import FakeModelServer
from tests.faults import drop_outputs
from tests.in_process import gateway

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@dataclass
class Collector:
    """Takes spans as OpenTelemetry's own collector does."""

    url: str
    spans: list[Span] = field(default_factory=list)
    services: set[str] = field(default_factory=set)

    def receive(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for attribute in resource.resource.attributes:
                if attribute.key == "service.name":
                    self.services.add(attribute.value.string_value)
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)


@contextmanager
def collecting() -> Iterator[Collector]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.receive(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        received = Collector(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever).start()
        yield received
        server.shutdown()


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(collector: Collector) -> FakeModelServer:
    """The model server of a gateway that has answered three requests, and ended."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        with gateway(tracing=True) as tfgate:
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            http, path = tfgate.client, "/predict/housing"
            tfgate.wait_until_ready()
            assert http.post(path, json=HOUSE, headers=headers).status_code == 200
            assert http.post(path, json={}).status_code == 422
            tfgate.server.faults["housing"] = drop_outputs
            assert http.post(path, json=HOUSE).status_code == 502
        return tfgate.server


@pytest.fixture(scope="module")
def requests(collector: Collector, server: FakeModelServer) -> list[Span]:
    """The spans of the three requests, in their order."""
    spans = [span for span in collector.spans if span.kind == Span.SPAN_KIND_SERVER]
    return sorted(spans, key=lambda span: span.start_time_unix_nano)


def below(collector: Collector, request: Span) -> list[Span]:
    stages = [span for span in collector.spans if span.parent_span_id == request.span_id]
    return sorted(stages, key=lambda span: span.start_time_unix_nano)


def attributes(span: Span) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


def test_a_prediction_is_part_of_the_callers_trace(requests: list[Span]) -> None:
    answered = requests[0]

    assert answered.trace_id.hex() == TRACE
    assert answered.parent_span_id.hex() == PARENT
    assert answered.name == "POST /predict/housing"
    told = attributes(answered)
    assert told["http.response.status_code"] == 200
    assert told["tfgate.outcome"] == "ok"
    assert told["tfgate.version"] == 1


def test_every_stage_is_a_span_within_the_request(
    collector: Collector, requests: list[Span]
) -> None:
    stages = below(collector, requests[0])

    assert [stage.name for stage in stages] == list(STAGES)
    for stage, following in pairwise(stages):
        assert requests[0].start_time_unix_nano <= stage.start_time_unix_nano
        assert stage.end_time_unix_nano <= following.start_time_unix_nano
        assert following.end_time_unix_nano <= requests[0].end_time_unix_nano


def test_the_model_server_is_told_of_the_trace(
    collector: Collector, requests: list[Span], server: FakeModelServer
) -> None:
    [rpc] = [span for span in below(collector, requests[0]) if span.name == "rpc"]

    assert server.calls[0].metadata["traceparent"] == f"00-{TRACE}-{rpc.span_id.hex()}-01"


def test_what_went_wrong_is_told(collector: Collector, requests: list[Span]) -> None:
    refused, failed = requests[1:]

    assert attributes(refused)["tfgate.outcome"] == "invalid-input"
    assert refused.status.code == Status.STATUS_CODE_UNSET, "the caller's mistake is no error here"
    assert [stage.name for stage in below(collector, refused)] == ["read", "validate"]
    assert attributes(failed)["tfgate.outcome"] == "prediction-failed"
    assert failed.status.code == Status.STATUS_CODE_ERROR


def test_only_predictions_are_traced(collector: Collector, requests: list[Span]) -> None:
    assert len(requests) == 3
    assert collector.services == {"tfgate"}
