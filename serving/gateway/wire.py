"""How answers leave: head and body in one write; knows nothing of what they say."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_END_OF_HEAD = b"\r\n\r\n"
_INTERIM = b"HTTP/1.1 1"


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which writes the head of an answer and its body one after the other.

    On a socket without Nagle's algorithm each write is a system call, a packet, and a wake-up of
    the client: the second of each costs a small prediction a tenth of its time.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(_OneWriteTransport(transport))  # type: ignore[arg-type]


class _OneWriteTransport:
    """A transport that keeps the head of an answer until the next write, or the end."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if data.endswith(_END_OF_HEAD) and not data.startswith(_INTERIM):
            self._head += data
            return
        self._transport.write(self._head + data)
        self._head = b""

    def close(self) -> None:
        if self._head:
            self.write(b"")
        self._transport.close()
