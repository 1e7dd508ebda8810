"""Reading of request bodies: which kinds are accepted, and never more bytes than allowed."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Receive

from serving.contract import RequestT, Upload
from serving.errors import (
    ClientDisconnected,
    MalformedBody,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from serving.gateway.problems import from_pydantic

JSON = "application/json"
MULTIPART = "multipart/form-data"
_ONE_FILE = "Send exactly one file, as curl -F image=@ship.png does."


class _InMemoryParser(MultiPartParser):
    # Bodies are bounded already, and a container's file system may be read-only.
    spool_max_size = 2**31


# Header lines by their names in lower case, as ASGI has them. Looking up the handful that a
# prediction needs in Starlette's Headers takes as long as validating it.
HeaderLines = Mapping[bytes, bytes]


def media_type_of(headers: HeaderLines) -> str:
    """Return the media type of the body without its parameters, in lower case."""
    return headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")


def is_upload(media_type: str, upload: Upload[RequestT] | None) -> bool:
    """Tell whether the body is a file, raw or in a form, for a model that takes files."""
    if upload is None:
        return False
    return media_type == MULTIPART or media_type.startswith(upload.media_type.removesuffix("*"))


def check_json(media_type: str, *, accepted: list[str]) -> None:
    """See that the body is JSON by its Content-Type.

    Raises:
        UnsupportedMediaType: it is not; the message names those that are `accepted`.
    """
    if media_type != JSON:
        received = f"is {media_type}" if media_type else "is missing"
        message = f"the Content-Type {received}; accepted: {', '.join(accepted)}"
        raise UnsupportedMediaType(message)


async def read(receive: Receive, headers: HeaderLines, max_bytes: int) -> bytes:
    """Read the whole body.

    Raises:
        UnsupportedMediaType: it is compressed.
        PayloadTooLarge: as soon as that is certain, by its Content-Length if it has one.
        ClientDisconnected: the client left before it had sent everything.
    """
    encoding = headers.get(b"content-encoding", b"identity")
    if encoding != b"identity":
        name = encoding.decode("latin-1")
        message = f"the Content-Encoding is {name}; compressed bodies are not accepted"
        raise UnsupportedMediaType(message, hint="Send the body as it is.")
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
        chunks.append(event.get("body", b""))
        received += len(chunks[-1])
        if received > max_bytes:
            raise _too_large(max_bytes)
        more = event.get("more_body", False)
    return b"".join(chunks)


async def file_in_form(headers: Headers, body: bytes) -> bytes:
    """Return the one file of a multipart form.

    Raises:
        MalformedBody: the form is broken, or does not hold exactly one file and nothing else.
    """
    parser = _InMemoryParser(headers, _once(body), max_files=1, max_fields=0)
    try:
        form = await parser.parse()
    except MultiPartException as error:
        message = f"the multipart form cannot be read: {error.message}"
        raise MalformedBody(message, hint=_ONE_FILE) from error
    except UnicodeError as error:
        # Of the codecs that Python knows by name, some are no use for any text.
        message = "the multipart form cannot be read in the charset that it names"
        raise MalformedBody(message, hint="Leave the charset out.") from error
    for _, part in form.multi_items():
        if isinstance(part, UploadFile):
            try:
                return await part.read()
            finally:
                await form.close()
    message = "the multipart form holds no file"
    raise MalformedBody(message, hint=_ONE_FILE)


def parse_json(adapter: TypeAdapter[Any], body: bytes) -> Any:
    """Validate a JSON body.

    Raises:
        MalformedBody: it is no JSON.
        InvalidInput: it is not what the adapter's type asks for.
    """
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise from_pydantic(error) from error


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body has more than {max_bytes:,} bytes, the most that are read")
