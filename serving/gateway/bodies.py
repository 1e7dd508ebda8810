"""Reading of request bodies: which kinds are accepted, and never more bytes than allowed."""

from collections.abc import AsyncGenerator
from typing import Any

from pydantic import TypeAdapter, ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

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


def media_type_of(request: Request) -> str:
    """Return the media type of the body without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_upload(request: Request, upload: Upload[RequestT] | None) -> bool:
    """Tell whether the body is a file, raw or in a form, for a model that takes files."""
    if upload is None:
        return False
    media_type = media_type_of(request)
    return media_type == MULTIPART or media_type.startswith(upload.media_type.removesuffix("*"))


async def read_json(request: Request, max_bytes: int, *, accepted: list[str]) -> bytes:
    """Read a JSON body, without parsing it yet.

    Raises:
        UnsupportedMediaType: it is not JSON by its Content-Type, or it is compressed.
        PayloadTooLarge: as soon as that is certain, by its Content-Length if it has one.
        ClientDisconnected: the client left before it had sent everything.
    """
    media_type = media_type_of(request)
    if media_type != JSON:
        received = f"is {media_type}" if media_type else "is missing"
        message = f"the Content-Type {received}; accepted: {', '.join(accepted)}"
        raise UnsupportedMediaType(message)
    return await _read(request, max_bytes)


async def read_file(request: Request, max_bytes: int) -> bytes:
    """Read the file that is the body, or the one file of a multipart form.

    Raises:
        MalformedBody: the form is broken, or does not hold exactly one file and nothing else.
        PayloadTooLarge, UnsupportedMediaType, ClientDisconnected: as `read_json`.
    """
    if media_type_of(request) != MULTIPART:
        return await _read(request, max_bytes)
    chunks = _chunks(request, max_bytes)
    try:
        form = await _InMemoryParser(request.headers, chunks, max_files=1, max_fields=0).parse()
    except MultiPartException as error:
        message = f"the multipart form cannot be read: {error.message}"
        raise MalformedBody(message, hint=_ONE_FILE) from error
    for _, part in form.multi_items():
        if isinstance(part, UploadFile):
            return await part.read()
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


async def _read(request: Request, max_bytes: int) -> bytes:
    return b"".join([chunk async for chunk in _chunks(request, max_bytes)])


async def _chunks(request: Request, max_bytes: int) -> AsyncGenerator[bytes, None]:
    encoding = request.headers.get("content-encoding", "identity")
    if encoding != "identity":
        message = f"the Content-Encoding is {encoding}; compressed bodies are not accepted"
        raise UnsupportedMediaType(message, hint="Send the body as it is.")
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    received = 0
    try:
        async for chunk in request.stream():
            received += len(chunk)
            if received > max_bytes:
                raise _too_large(max_bytes)
            yield chunk
    except ClientDisconnect as error:
        message = "the client closed the connection before its request was complete"
        raise ClientDisconnected(message) from error


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body has more than {max_bytes:,} bytes, the most that are read")
