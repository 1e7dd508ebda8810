"""The bodies of the typed API: bytes to requests, and answers to bytes; never more than allowed."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Receive
from typing_extensions import override

from serving.contract import Model
from serving.errors import (
    ClientDisconnected,
    MalformedBody,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from serving.gateway.api import content_coding
from serving.gateway.api.content_coding import Inflater
from serving.gateway.api.schemas import Batch
from serving.gateway.problems import from_pydantic

JSON = "application/json"
MULTIPART = "multipart/form-data"
_ONE_FILE = "Send exactly one file, as curl -F image=@ship.png does."

# Header lines by their names in lower case, as ASGI has them. Looking up the handful that a
# prediction needs in Starlette's Headers takes as long as validating it.
HeaderLines = Mapping[bytes, bytes]


class Payload(ABC):
    """What a path of one model takes and gives.

    `accepted` are the media types of its bodies. `path` is the field of the body that lists the
    instances, empty if the body is the instance.
    """

    accepted: list[str]
    path: str

    def __init__(self, name: str, model: Model[Any, Any]) -> None:
        self._name = name
        self._model = model

    def check(self, headers: HeaderLines) -> str:
        """Return the media type of a body: without its parameters, in lower case.

        Raises:
            UnsupportedMediaType: it is none that is taken; the message names those that are.
        """
        stated = headers.get(b"content-type", b"")
        media_type = stated.partition(b";")[0].strip().lower().decode("latin-1")
        if media_type != JSON and not self.takes_file(media_type):
            received = f"is {media_type}" if media_type else "is missing"
            message = f"the Content-Type {received}; accepted: {', '.join(self.accepted)}"
            raise UnsupportedMediaType(message)
        return media_type

    def takes_file(self, media_type: str) -> bool:  # noqa: ARG002  # a single payload may
        """Tell whether a body of this kind is a file, raw or in a form, and taken."""
        return False

    @abstractmethod
    async def parse(self, headers: HeaderLines, media_type: str, body: bytes) -> list[BaseModel]:
        """Validate a body of a kind that is taken.

        Raises:
            MalformedBody: it cannot be read at all.
            InvalidInput: it is not what the schema asks for.
        """

    @abstractmethod
    def write(self, answers: Sequence[Any], version: int, request_id: str) -> bytes:
        """Write the answers of a version, as the schema has them."""

    def _answered(self, version: int, request_id: str) -> dict[str, Any]:
        return {"model": self._name, "version": version, "request_id": request_id}


class SinglePayload(Payload):
    """One instance in, as JSON or as a file, and one prediction out."""

    path = ""

    def __init__(self, name: str, model: Model[Any, Any]) -> None:
        super().__init__(name, model)
        self._adapter: TypeAdapter[Any] = TypeAdapter(model.request)
        uploads = [] if model.upload is None else [model.upload.media_type, MULTIPART]
        self.accepted = [JSON, *uploads]

    @override
    async def parse(self, headers: HeaderLines, media_type: str, body: bytes) -> list[BaseModel]:
        if self._model.upload is not None and self.takes_file(media_type):
            if media_type == MULTIPART:
                body = await _file_in_form(headers, body)
            return [self._model.upload.read(body)]
        return [_parse_json(self._adapter, body)]

    @override
    def write(self, answers: Sequence[Any], version: int, request_id: str) -> bytes:
        return orjson.dumps({**self._answered(version, request_id), "prediction": answers[0]})

    @override
    def takes_file(self, media_type: str) -> bool:
        upload = self._model.upload
        if upload is None:
            return False
        return media_type == MULTIPART or media_type.startswith(upload.media_type.removesuffix("*"))


class BatchPayload(Payload):
    """Several instances in, as JSON, and several predictions out."""

    path = "instances"
    accepted = [JSON]  # noqa: RUF012  # nobody changes it

    def __init__(self, name: str, model: Model[Any, Any]) -> None:
        super().__init__(name, model)
        self._adapter: TypeAdapter[Batch[Any]] = TypeAdapter(Batch[model.request])  # type: ignore[name-defined]

    @override
    async def parse(self, headers: HeaderLines, media_type: str, body: bytes) -> list[BaseModel]:
        batch: Batch[Any] = _parse_json(self._adapter, body)
        return batch.instances

    @override
    def write(self, answers: Sequence[Any], version: int, request_id: str) -> bytes:
        return orjson.dumps({**self._answered(version, request_id), "predictions": answers})


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


class _InMemoryParser(MultiPartParser):
    # Bodies are bounded already, and a container's file system may be read-only.
    spool_max_size = 2**31


async def _file_in_form(headers: HeaderLines, body: bytes) -> bytes:
    parser = _InMemoryParser(
        Headers(raw=list(headers.items())), _once(body), max_files=1, max_fields=0
    )
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


def _parse_json(adapter: TypeAdapter[Any], body: bytes) -> Any:
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise from_pydantic(error) from error


async def _once(body: bytes) -> AsyncGenerator[bytes, None]:
    yield body


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"the body has more than {max_bytes:,} bytes, the most that are read")
