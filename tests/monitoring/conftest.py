"""One stack that Prometheus watches: gateway, model server, and a page of TensorFlow Serving's."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest

from serving.histograms import learn
from serving.models import MODELS
from tests import stack
from tests.fake_models import declared_models, declared_version
from tests.fake_over_grpc import listening
from tests.monitoring.prometheus_server import Prometheus, prometheus
from tfgate import keys

_PAGE = Path(__file__).with_name("tensorflow_serving.txt")


@contextmanager
def tensorflow_serving_page() -> Iterator[str]:
    """Serve metrics as TensorFlow Serving 2.19.1 does, which the embedded server has none of."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/monitoring/prometheus/metrics"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/plain")
            self.end_headers()
            self.wfile.write(_PAGE.read_bytes() if found else b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


RELEASES = """
[models.sentiment]
stable = 1
candidate = {version = 2, percent = 50, by = "request-id", compare = 100}
shadow = {version = 3}

[models.housing]
stable = 1
candidate = {version = 2, percent = 50, by = "request-id"}
"""
# What was right in the place of the examples' answers.
TRUTHS: dict[str, dict[str, object]] = {
    "sentiment": {"label": "positive"},
    "housing": {"value": 200_000},
}


@pytest.fixture(scope="package")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has seen requests for every model, good ones and bad ones, and releases."""
    scratch = tmp_path_factory.mktemp("prometheus")
    key = keys.create(scratch / "keys.jsonl", "tests")
    (scratch / "releases.toml").write_text(RELEASES)
    port = str(stack.free_port())
    server = declared_models()
    for model, version in (("sentiment", 2), ("sentiment", 3)):
        server.models[model][version] = declared_version(model, version)
    for version in (1, 2):
        server.models["housing"][version] = declared_version(
            "housing",
            version,
            described=lambda card: card.model_copy(update={"histograms": _TRAINED}),
        )
    settings = {
        "keys_file": str(scratch / "keys.jsonl"),
        "releases": str(scratch / "releases.toml"),
        "metrics_port": port,
    }
    with (
        listening(server) as model_server,
        stack.gateway(model_server, **settings) as gateway,
        tensorflow_serving_page() as page,
        httpx.Client(base_url=gateway, headers={"X-API-Key": key}, timeout=30) as http,
    ):
        stack.wait_until_ready(gateway)
        targets = {"tfgate-gateway": f"127.0.0.1:{port}", "tfgate-model-server": page}
        with prometheus(targets, scratch) as prometheus_server:
            asked: list[tuple[str, str]] = []
            stack.wait_until(
                lambda: _asked_until_seen(http, prometheus_server, asked), "a rate of requests"
            )
            yield prometheus_server


# Of what comes late: a copy is asked after the answer, and its truth after the answer is kept.
_LATE = (
    "model_version_role:tfgate_disagreeing_rows:ratio_rate5m >= 0",
    "model_version_route:tfgate_feedback_correct:ratio_rate1h >= 0",
    "model_version_route:tfgate_feedback_error:rmse1h >= 0",
    "model_version_quantity:tfgate_drift:psi1h > -1",
    "model_version_quantity:tfgate_drift:psi1d > -1",
    'sum(rate(tfgate_requests_total{outcome!="ok"}[5m])) > 0',
)
_TRAINED = [learn("median_income", np.arange(1.0, 15.0, 0.01))]


def _asked_until_seen(http: httpx.Client, server: Prometheus, asked: list[tuple[str, str]]) -> bool:
    """Ask every model, and tell whether Prometheus has seen each being asked repeatedly."""
    for name, request_id in asked:
        http.post(f"/feedback/{name}", json={"request_id": request_id, **TRUTHS[name]})
    asked.clear()
    for name, model in MODELS.items():
        answer = http.post(f"/predict/{name}", json=model.example.model_dump(mode="json"))
        if name in TRUTHS:
            asked.append((name, answer.headers["X-Request-ID"]))
        http.post(f"/predict/{name}", json={})
    times = server.query("model:tfgate_answers_late:ratio_rate3d >= 0")
    return len(times) == len(MODELS) and all(server.query(each) for each in _LATE)
