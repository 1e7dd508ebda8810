"""Reading a request's body: as a whole, inflated, and never more of it than is allowed."""

import asyncio
from collections.abc import Mapping

from starlette.types import Receive

from serving.errors import ClientDisconnected, PayloadTooLarge
from serving.gateway.bodies import content_coding
from serving.gateway.bodies.content_coding import Inflater

# Header lines by their names in lower case, as ASGI has them. Looking up the handful that a
# prediction needs in Starlette's Headers takes as long as validating it.
HeaderLines = Mapping[bytes, bytes]


async def read(receive: Receive, headers: HeaderLines, max_bytes: int) -> bytes:
    """Read the whole body, and inflate it if it is compressed.

    Raises:
        UnsupportedMediaType: it is compressed in a way that is not known.
        MalformedBody: it is not what its Content-Encoding says.
        PayloadTooLarge: as soon as that is certain, by its Content-Length if it has one.
        ClientDisconnected: the client left before it had sent everything.
    """
    encoding = headers.get(b"content-encoding")
    inflater = None if encoding is None else content_coding.inflater(encoding)
    announced = headers.get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    received, more = 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            message = "the client closed the connection before its request was complete"
            raise ClientDisconnected(message)
        chunk = event.get("body", b"")
        received += len(chunk)
        if received > max_bytes:
            raise _too_large(max_bytes)
        if inflater is None:
            chunks.append(chunk)
        else:
            await _inflate(inflater, chunk, chunks, max_bytes)
        more = event.get("more_body", False)
    if inflater is not None:
        inflater.end()
    return b"".join(chunks)


async def _inflate(inflater: Inflater, data: bytes, inflated: list[bytes], max_bytes: int) -> None:
    """Add the pieces to those from before; others are served between two of them."""
    for piece in inflater.pieces(data):
        if inflater.num_bytes > max_bytes:
            raise _too_large(max_bytes)
        if piece:
            inflated.append(piece)
        await asyncio.sleep(0)


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body has more than {max_bytes:,} bytes, the most that are read")
