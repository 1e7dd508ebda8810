"""The bodies of the typed API: bytes to requests, and answers to bytes."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from typing_extensions import override

from serving.contract import Model
from serving.errors import (
    InvalidInput,
    TfgateError,
    UnsupportedMediaType,
)
from serving.gateway.api.forms import file_in_form
from serving.gateway.api.plain_fields import NotPlain, row_reader
from serving.gateway.api.schemas import MAX_INSTANCES, Batch
from serving.gateway.bodies.broken_json import explain
from serving.gateway.bodies.reading import HeaderLines
from serving.gateway.validation import MAX_FIELDS, Fields, from_pydantic
from serving.rows import RowReader

JSON = "application/json"
MULTIPART = "multipart/form-data"
_MAX_MEDIA_TYPE = 100  # characters that are told
# Of texts, names, commas and brackets in one body: 128 instances of 768 numbers fit. pydantic
# repeats the whole body in each of its findings: 16 MB of numbers in a misspelt field took it
# 14 seconds when measured, in which nobody was answered.
MAX_VALUES = 100_000
_SEPARATORS = (b",", b"[", b"{")
_TEXT_OR_SEPARATOR = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[,\[{]', re.DOTALL)
_SPLIT = f"Split it: send at most {MAX_INSTANCES} instances in one request."
_FORM = "application/x-www-form-urlencoded"


class Payload(ABC):
    """What a path of one model takes and gives.

    `accepted` are the media types of its bodies. `path` is the field of the body that lists the
    instances, empty if the body is the instance.
    """

    accepted: list[str]
    path: str
    _adapter: TypeAdapter[Any]
    _fields: Fields
    _plain: RowReader[Any] | None

    def __init__(self, name: str, model: Model[Any, Any]) -> None:
        self._name = name
        self._model = model
        self._plain = _row_reader(model)
        names = list(model.request.model_fields)
        more = ", …" if len(names) > 2 else ""
        self._shape = "{" + ", ".join(f'"{name}": …' for name in names[:2]) + more + "}"

    def check(self, headers: HeaderLines) -> str:
        """Return the media type of a body: without its parameters, in lower case.

        Raises:
            UnsupportedMediaType: it is none that is taken; the message names those that are.
        """
        stated = headers.get(b"content-type", b"")
        media_type = stated.partition(b";")[0].strip().lower().decode("latin-1")
        if media_type != JSON and not self.takes_file(media_type):
            received = f"is {media_type[:_MAX_MEDIA_TYPE]}" if media_type else "is missing"
            message = f"the Content-Type {received}; accepted: {', '.join(self.accepted)}"
            hint = "If the body is JSON, add -H 'Content-Type: application/json'."
            if media_type == _FORM:
                hint = f"curl -d sends this unless told otherwise. {hint}"
            if MULTIPART in self.accepted:
                hint += " A file goes as curl -F image=@FILE sends it."
            raise UnsupportedMediaType(message, hint=hint)
        return media_type

    def takes_file(self, media_type: str) -> bool:  # noqa: ARG002  # a single payload may
        """Tell whether a body of this kind is a file, raw or in a form, and taken."""
        return False

    @abstractmethod
    async def parse(
        self, headers: HeaderLines, media_type: str, body: bytes
    ) -> Sequence[BaseModel]:
        """Validate a body of a kind that is taken.

        Raises:
            MalformedBody: it cannot be read at all.
            InvalidInput: it is not what the schema asks for.
        """

    @abstractmethod
    def write(self, answers: Sequence[Any], version: int, request_id: str) -> bytes:
        """Write the answers of a version, as the schema has them."""

    def _parse_json(self, body: bytes) -> Any:
        read = body if len(body) <= MAX_VALUES else without_too_many_values(body)
        try:
            return self._adapter.validate_json(read)
        except ValidationError as error:
            raise self._refusal(error, body, is_whole=len(read) == len(body)) from error

    def _refusal(self, error: ValidationError, body: bytes, *, is_whole: bool) -> TfgateError:
        if error.error_count() == 1:
            [only] = error.errors(include_url=False, include_input=False)
            if only["type"] == "json_invalid":
                reason = only["ctx"]["error"]
                if is_whole or not reason.startswith("EOF"):
                    return explain(body, reason)
                message = f"the body has more than {MAX_VALUES:,} values and names"
                return InvalidInput(f"{message}, the most that are read", hint=_SPLIT)
        return from_pydantic(error, self._fields, hint=self._hint(error))

    @abstractmethod
    def _hint(self, error: ValidationError) -> str | None:
        """Say what to do about a body of the wrong shape, if that is what is wrong."""

    def _answered(self, version: int, request_id: str) -> dict[str, Any]:
        return {"model": self._name, "version": version, "request_id": request_id}


class SinglePayload(Payload):
    """One instance in, as JSON or as a file, and one prediction out."""

    path = ""

    def __init__(self, name: str, model: Model[Any, Any]) -> None:
        super().__init__(name, model)
        self._adapter = TypeAdapter(model.request)
        self._fields = {1: model.request.model_fields}
        uploads = [] if model.upload is None else [model.upload.media_type, MULTIPART]
        self.accepted = [JSON, *uploads]

    @override
    async def parse(
        self, headers: HeaderLines, media_type: str, body: bytes
    ) -> Sequence[BaseModel]:
        if self._model.upload is not None and self.takes_file(media_type):
            if media_type == MULTIPART:
                body = file_in_form(headers[b"content-type"], body)
            return [self._model.upload.read(body)]
        # A longer body may list more than is read: pydantic's way counts its values first.
        plain = self._plain.read_one(body) if self._plain and len(body) <= MAX_VALUES else None
        return [self._parse_json(body)] if plain is None else plain

    @override
    def write(self, answers: Sequence[Any], version: int, request_id: str) -> bytes:
        return orjson.dumps({**self._answered(version, request_id), "prediction": answers[0]})

    @override
    def _hint(self, error: ValidationError) -> str | None:
        for kind, path in _findings(error):
            if path == ("instances",) or (kind == "model_type" and not path):
                return (
                    f"This path takes one instance, as {self._shape}; POST /predict/{self._name}"
                    f'/batch takes several, as {{"instances": [{self._shape}, …]}}.'
                )
        return None

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
        self._adapter = TypeAdapter(Batch[model.request])  # type: ignore[name-defined]
        self._fields = {1: Batch.model_fields, 3: model.request.model_fields}

    @override
    async def parse(
        self, headers: HeaderLines, media_type: str, body: bytes
    ) -> Sequence[BaseModel]:
        if self._plain and len(body) <= MAX_VALUES:
            plain = self._plain.read_many(body)
            if plain is not None:
                return plain
        batch: Batch[Any] = self._parse_json(body)
        return batch.instances

    @override
    def write(self, answers: Sequence[Any], version: int, request_id: str) -> bytes:
        return orjson.dumps({**self._answered(version, request_id), "predictions": answers})

    @override
    def _hint(self, error: ValidationError) -> str | None:
        for kind, path in _findings(error):
            if kind == "too_long" and path == ("instances",):
                return _SPLIT
            if kind == "model_type" and len(path) == 2:
                return f"Each instance is an object, such as {self._shape}."
            if path in {(), ("instances",)} and kind != "too_short":
                return (
                    f'Send {{"instances": [{self._shape}, …]}}; '
                    f"POST /predict/{self._name} takes one instance alone."
                )
        return None


def _row_reader(model: Model[Any, Any]) -> RowReader[Any] | None:
    """Compile the reader of a model that reads columns, if its fields are plain."""
    if not model.reads_columns:
        return None
    try:
        return row_reader(model.request)
    except NotPlain:
        return None


def _findings(error: ValidationError) -> Iterator[tuple[str, tuple[int | str, ...]]]:
    """Return the kind and the path of each finding, without what was received."""
    if error.error_count() > MAX_FIELDS:
        return
    for finding in error.errors(include_url=False, include_input=False, include_context=False):
        yield finding["type"], finding["loc"]


def without_too_many_values(body: bytes) -> bytes:
    """Cut a body off where it has more values than are read; what is left is no JSON any more."""
    # Most long bodies are long texts, which these are rare in, or pictures.
    if sum(map(body.count, _SEPARATORS)) <= MAX_VALUES:
        return body
    last = next(islice(_TEXT_OR_SEPARATOR.finditer(body), MAX_VALUES, None), None)
    return body if last is None else body[: last.start() + 1]
