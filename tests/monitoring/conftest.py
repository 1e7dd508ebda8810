"""One stack that Prometheus watches: gateway, model server, and a page of TensorFlow Serving's."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from serving.models import MODELS
from tests import stack
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


@pytest.fixture(scope="package")
def watched(model_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus that has seen requests for every model, good ones and bad ones."""
    scratch = tmp_path_factory.mktemp("prometheus")
    key = keys.create(scratch / "keys.jsonl", "tests")
    port = str(stack.free_port())
    with (
        stack.gateway(
            model_server, keys_file=str(scratch / "keys.jsonl"), metrics_port=port
        ) as gateway,
        tensorflow_serving_page() as page,
        httpx.Client(base_url=gateway, headers={"X-API-Key": key}, timeout=30) as http,
    ):
        stack.wait_until_ready(gateway)
        targets = {"tfgate-gateway": f"127.0.0.1:{port}", "tfgate-model-server": page}
        with prometheus(targets, scratch) as server:
            stack.wait_until(lambda: _asked_until_seen(http, server), "a rate of requests")
            yield server


def _asked_until_seen(http: httpx.Client, server: Prometheus) -> bool:
    """Ask every model, and tell whether Prometheus has seen each being asked repeatedly."""
    for name, model in MODELS.items():
        http.post(f"/predict/{name}", json=model.example.model_dump(mode="json"))
        http.post(f"/predict/{name}", json={})
    return len(server.query("model:tfgate_answers_late:ratio_rate3d >= 0")) == len(MODELS)
