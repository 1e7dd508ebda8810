"""What the typed API's bodies look like: one instance or several in, as many predictions out."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request

from serving.contract import Model, RequestT, ResponseT
from serving.errors import FieldError, InvalidInput
from serving.gateway.api import bodies, openapi
from serving.gateway.inference.client import Servable
from serving.gateway.inference.inference import Predictions
from serving.gateway.problems import from_pydantic

MAX_INSTANCES = 128


class VersionChoice(BaseModel):
    """Which version is to answer: the newest if neither is given."""

    # A misspelt name must not silently become the newest version.
    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(default=None, ge=1, le=2**63 - 1, description="this version")
    label: str | None = Field(
        default=None, min_length=1, max_length=100, description="the version with this label"
    )

    def of(self, model: str) -> Servable:
        """Apply the choice to a model.

        Raises:
            InvalidInput: both are given.
        """
        if self.version is not None and self.label is not None:
            message = "version and label exclude each other"
            fields = [FieldError(f"query.{name}", message) for name in ("version", "label")]
            raise InvalidInput(message, hint="Send one of them.", fields=fields)
        return Servable(model, self.version, self.label)


_NEWEST = VersionChoice()


class Batch(BaseModel, Generic[RequestT]):
    """Several instances to be answered by one version."""

    model_config = ConfigDict(extra="forbid")

    # The first wrong instance is told whole; the others are not looked at.
    instances: list[RequestT] = Field(min_length=1, max_length=MAX_INSTANCES, fail_fast=True)


class _Answered(BaseModel):
    model: str = Field(description="the model that answered")
    version: int = Field(description="the version of it that answered")
    request_id: str = Field(description="the same as in the header X-Request-ID and in the log")


class Prediction(_Answered, Generic[ResponseT]):
    """The answer to one instance."""

    prediction: ResponseT


class PredictionBatch(_Answered, Generic[ResponseT]):
    """The answers to several instances, in their order."""

    predictions: list[ResponseT]


@dataclass(frozen=True)
class Form:
    """What a route takes and gives; `path` is the field of the body that lists the instances."""

    path: str
    check: Callable[[str], None]
    read: Callable[[Request, str, bytes], Awaitable[Sequence[BaseModel]]]
    write: Callable[[Predictions, str], bytes]


def version_choice(request: Request) -> VersionChoice:
    """Read the query.

    Raises:
        InvalidInput: it is none that VersionChoice allows.
    """
    query = request.scope["query_string"]
    if not query:
        return _NEWEST
    given = parse_qsl(query.decode("latin-1"), True)
    try:
        choice = VersionChoice.model_validate(dict(given))
    except ValidationError as error:
        raise from_pydantic(error, where="query") from error
    if len(given) > len(choice.model_fields_set):
        raise InvalidInput("the query names one parameter twice", hint="Send it once.")
    return choice


def single_form(name: str, model: Model[Any, Any]) -> Form:
    """One instance in, as JSON or as a file, and one prediction out."""
    # Classes made at run time, which mypy cannot follow.
    request_type: TypeAdapter[Any] = TypeAdapter(model.request)
    answer_type = Prediction[model.response]  # type: ignore[name-defined]
    adapter: TypeAdapter[Prediction[Any]] = TypeAdapter(answer_type)
    upload = model.upload
    accepted = list(openapi.single_body(model)["requestBody"]["content"])

    def check(media_type: str) -> None:
        if not bodies.is_upload(media_type, upload):
            bodies.check_json(media_type, accepted=accepted)

    async def read(request: Request, media_type: str, body: bytes) -> list[BaseModel]:
        if media_type == bodies.MULTIPART:
            body = await bodies.file_in_form(request.headers, body)
        if upload is not None and bodies.is_upload(media_type, upload):
            return [upload.read(body)]
        return [bodies.parse_json(request_type, body)]

    def write(predictions: Predictions, request_id: str) -> bytes:
        answer = answer_type(
            model=name,
            version=predictions.version,
            request_id=request_id,
            prediction=predictions.responses[0],
        )
        return adapter.dump_json(answer)

    return Form("", check, read, write)


def batch_form(name: str, model: Model[Any, Any]) -> Form:
    """Several instances in, as JSON, and several predictions out."""
    request_type: TypeAdapter[Batch[Any]] = TypeAdapter(Batch[model.request])  # type: ignore[name-defined]
    answer_type = PredictionBatch[model.response]  # type: ignore[name-defined]
    adapter: TypeAdapter[PredictionBatch[Any]] = TypeAdapter(answer_type)

    def check(media_type: str) -> None:
        bodies.check_json(media_type, accepted=[bodies.JSON])

    async def read(_request: Request, _media_type: str, body: bytes) -> list[BaseModel]:
        batch: Batch[Any] = bodies.parse_json(request_type, body)
        return batch.instances

    def write(predictions: Predictions, request_id: str) -> bytes:
        answer = answer_type(
            model=name,
            version=predictions.version,
            request_id=request_id,
            predictions=predictions.responses,
        )
        return adapter.dump_json(answer)

    return Form("instances", check, read, write)
