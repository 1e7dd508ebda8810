"""How answers leave: head and body in one write; knows nothing of what they say."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_BEGIN_OF_HEAD, _END_OF_HEAD = b"HTTP/1.1 ", b"\r\n\r\n"


class OneWriteProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which writes the head of an answer and its body one after the other.

    On a socket without Nagle's algorithm each write is a system call, a packet, and a wake-up of
    the client: the second of each costs a small prediction a tenth of its time.
    """

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection."""
        super().connection_made(_OneWriteTransport(transport))  # type: ignore[arg-type]


class _OneWriteTransport:
    """A transport that keeps a head for the body that follows, but not beyond this turn."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        # uvloop fails where asyncio only drops it; nobody has asked whether the client is there.
        if self._transport.is_closing():
            return
        if data.startswith(_BEGIN_OF_HEAD) and data.endswith(_END_OF_HEAD):
            self._send_head()
            self._head = data
            # Answers to HEAD, and those that come bit by bit, have no body yet.
            asyncio.get_running_loop().call_soon(self._send_head)
        else:
            self._transport.write(self._head + data)
            self._head = b""

    def close(self) -> None:
        self._send_head()
        self._transport.close()

    def _send_head(self) -> None:
        if self._head and not self._transport.is_closing():
            self._transport.write(self._head)
            self._head = b""
