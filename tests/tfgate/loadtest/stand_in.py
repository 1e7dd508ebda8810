"""An HTTP server in a gateway's place: the users of a load test look at statuses, and at a name."""

import json
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class StandIn:
    """Answers every model; `refusals` has the status and code that others get.

    Only who has the `key` is let in, if there is one.
    """

    refusals: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    key: str | None = None
    url: str = ""
    asked: Counter[str] = field(default_factory=Counter)

    def answer(self, path: str, authorization: str | None) -> tuple[int, dict[str, Any]]:
        name = path.split("/")[2] if path.startswith("/predict/") else path.removeprefix("/")
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
        return 200, {"model": name}


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
