"""An HTTP server in a gateway's place: the users of a load test look at statuses, and at a name."""

import json
import threading
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from serving.models import MODELS

# One that is typed elsewhere, and a generic one.
DECLARED, GENERIC = "churn", "a b"
INPUTS = [
    {"name": "x", "datatype": "FP32", "shape": [-1, 2, -1]},
    {"name": "text", "datatype": "BYTES", "shape": [-1]},
]


def signature(*, in_json: bool = True, **inputs: tuple[str, list[int | None]]) -> dict[str, Any]:
    """Return what a gateway's page says of a signature."""
    described = {
        name: {"dtype": dtype, "shape": shape, "optional": name.startswith("optional")}
        for name, (dtype, shape) in inputs.items()
    }
    examples = {"tf_serving_rest_columns": "curl …"} if in_json else {}
    return {"inputs": described, "outputs": {}, "examples": examples}


SIGNATURE = signature(x=("float32", [None, 2, None]), text=("string", [None]))


@dataclass
class StandIn:
    """Serves typed models and a generic one; `refusals` has what some get instead.

    They are a status and a code. Only who has the `key` is let in, if there is one.
    """

    refusals: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    key: str | None = None
    served: Collection[str] = (*MODELS, DECLARED, GENERIC)
    url: str = ""
    signatures: Mapping[str, Any] = field(default_factory=lambda: {"serving_default": SIGNATURE})
    asked: Counter[str] = field(default_factory=Counter)

    def answer(self, path: str, authorization: str | None) -> tuple[int, dict[str, Any]]:
        name = asked_model(path)
        self.asked[name] += 1
        if (
            self.key is not None
            and authorization != f"Bearer {self.key}"
            and not name.startswith("readyz")
        ):
            return 401, problem("unauthenticated")
        if name in self.refusals:
            status, code = self.refusals[name]
            return status, problem(code)
        return 200, self.document(path, name)

    def document(self, path: str, name: str) -> dict[str, Any]:
        match unquote(path).removeprefix("/").split("/"):
            case ["models"]:
                served = [{"name": each, "versions": [{"version": 1}]} for each in self.served]
                return {"models": [*served, {"name": "gone", "versions": []}]}
            case ["models", model]:
                if model == GENERIC:
                    return {"name": model, "example": None, "signatures": self.signatures}
                return {"name": model, "example": {"x": 1}}
            case ["v2", "models", model]:
                return {"name": model, "inputs": INPUTS}
            case ["v2", "models", model, "infer"]:
                return {"model_name": model}
        return {"model": name}


def asked_model(path: str) -> str:
    """Return the model that is asked for a prediction, or else the path."""
    match path.removeprefix("/").split("/"):
        case ["predict", model, *_] | ["v2", "models", model, "infer"]:
            return unquote(model)
    return path.removeprefix("/")


def problem(code: str) -> dict[str, Any]:
    return {"code": code, "detail": f"it is {code}", "hint": "Wait.", "errors": []}


@contextmanager
def standing_in(stand_in: StandIn) -> Iterator[StandIn]:
    """Serve on a port of its own; `url` says where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            status, document = stand_in.answer(self.path, self.headers["Authorization"])
            body = json.dumps(document).encode()
            # In one write, or the second would wait for the first to be acknowledged.
            self.wfile.write(
                b"HTTP/1.1 %d Scripted\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (status, len(body), body)
            )

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    stand_in.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield stand_in
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
