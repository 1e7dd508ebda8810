"""Messages of gRPC as bodies: what both of its dialects do with them."""

from typing import TypeVar

from google.protobuf.message import DecodeError, Message
from starlette.types import Send

from serving.errors import MalformedBody

MessageT = TypeVar("MessageT", bound=Message)


def parse(kind: type[MessageT], content: bytes) -> MessageT:
    """Read a message.

    Raises:
        MalformedBody: it is none of that kind.
    """
    try:
        return kind.FromString(content)
    except DecodeError as error:
        message = f"{len(content):,} bytes came that are no {kind.DESCRIPTOR.name}"
        hint = "Send the message that belongs to the method."
        raise MalformedBody(message, hint=hint) from error


async def send_message(send: Send, content: bytes) -> None:
    """Answer with a message."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": content})
