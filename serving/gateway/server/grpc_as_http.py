"""A gRPC call as a request of HTTP, as the application takes it, and its answer as gRPC's."""

import asyncio
from typing import Any
from urllib.parse import unquote

import grpc
from starlette.types import ASGIApp, Message, Scope

_LONGEST_SECONDS = 99_999  # that fit into the header's eight digits, in milliseconds
_CODES: dict[int, grpc.StatusCode] = {code.value[0]: code for code in grpc.StatusCode}
# What an answer of HTTP is worth that says nothing of gRPC. Source: gRPC's
# doc/http-grpc-status-mapping.md; but of 429, which is none of its statuses.
_CODES_OF_HTTP = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.UNIMPLEMENTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    503: grpc.StatusCode.UNAVAILABLE,
}
# Of an answer's headers, those that tell something of a call; the others are about HTTP.
_TOLD = (b"x-", b"retry-after")


async def ask(app: ASGIApp, scope: Scope, message: bytes) -> "Reply":
    """Have an application answer a call."""
    reply = Reply()
    await app(scope, _Incoming(message), reply.take)
    return reply


class _Incoming:
    """What the application receives: the whole message, and then nothing.

    Of a caller that goes it hears otherwise: the task that it runs in is cancelled.
    """

    def __init__(self, message: bytes) -> None:
        self._message: bytes | None = message

    async def __call__(self) -> Message:
        """Receive the next event."""
        if self._message is None:
            await asyncio.get_running_loop().create_future()
        message, self._message = self._message, None
        return {"type": "http.request", "body": message, "more_body": False}


class Reply:
    """What the application answers, and what that is in terms of gRPC."""

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self._headers: list[tuple[bytes, bytes]] = []

    async def take(self, message: Message) -> None:
        """Take an event that the application sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._headers = message["headers"]
        else:
            body = message.get("body", b"")
            self.body = self.body + body if self.body else body

    @property
    def code(self) -> grpc.StatusCode:
        told = self._header(b"grpc-status")
        if told is not None:
            return _CODES[int(told)]
        if self.status == 200:
            return grpc.StatusCode.OK
        return _CODES_OF_HTTP.get(self.status, grpc.StatusCode.UNKNOWN)

    @property
    def details(self) -> str:
        return unquote((self._header(b"grpc-message") or b"").decode("latin-1"))

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        return tuple(
            [
                (name.decode(), value.decode())
                for name, value in self._headers
                # The name of a model may be in any script, and metadata are ASCII.
                if name.startswith(_TOLD) and value.isascii()
            ]
        )

    def _header(self, wanted: bytes) -> bytes | None:
        return next((value for name, value in self._headers if name == wanted), None)


def scope_of(path: str, context: Any) -> Scope:
    """Describe a call as a request of the method GRPC, which no client of HTTP can send."""
    headers = [
        # gRPC reads what is sent as UTF-8, though it should be ASCII.
        (name.encode(), value if isinstance(value, bytes) else value.encode())
        for name, value in context.invocation_metadata() or ()
    ]
    left = context.time_remaining()
    if left is not None and left < _LONGEST_SECONDS:
        headers.append((b"grpc-timeout", b"%dm" % max(left * 1000, 1)))
    return {**new_scope("GRPC", path), "headers": headers, "client": _client(context.peer())}


def new_scope(method: str, path: str) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "2",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "client": None,
        "server": None,
        "state": {},
    }


def _client(peer: str) -> tuple[str, int] | None:
    """Read who calls, such as ipv4:192.0.2.1:4711 or ipv6:%5B2001:db8::1%5D:443."""
    host, _, port = unquote(peer).partition(":")[2].rpartition(":")
    return (host.strip("[]"), int(port)) if port.isdecimal() else None
