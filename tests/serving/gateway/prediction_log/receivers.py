"""Who takes events over HTTP: well, badly, or slowly."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

Status = Callable[[Any], int]  # of what was sent


@contextmanager
def receiver(status: Status = lambda _: 200, **headers: str) -> Iterator[tuple[str, list[Any]]]:
    """Take events, or answer what `status` says; yields an address, and what was taken there."""
    events: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            told = {name.lower(): value for name, value in self.headers.items()}
            event = told, json.loads(self.rfile.read(int(told["content-length"])))
            if (code := status(event)) == 200:
                events.append(event)
            self.send_response(code)
            for name, value in {"Content-Length": "0", **headers}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/events", events
        finally:
            server.shutdown()
            thread.join()
