"""POST /predict/{model} and /predict/{model}/batch: HTTP to the pipeline and back."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic
from urllib.parse import parse_qsl

from fastapi import APIRouter
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.contract import Model, RequestT, ResponseT
from serving.errors import (
    DeadlineExceeded,
    FieldError,
    InvalidInput,
    RequestTimeout,
    TfgateError,
    UnknownModel,
)
from serving.gateway import bodies, metrics, openapi
from serving.gateway.client import Servable
from serving.gateway.deadline import timeout_seconds
from serving.gateway.patience import Patience, Ticker
from serving.gateway.pipeline import Pipeline, Predictions
from serving.gateway.problems import from_pydantic
from serving.gateway.record import Record, record_of
from serving.gateway.settings import Settings
from serving.models import MODELS

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


class RawRoute(APIRoute):
    """A route whose endpoint takes the request as it came and returns the finished response.

    FastAPI documents it like any other; its own handling of parameters and response models, which
    takes longer than the whole rest of a small prediction's way through the gateway, is left out.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], *, model: str, **options: Any):
        super().__init__(path, endpoint, tags=[model], methods=["POST"], **options)
        self.model = model
        self.app = self._respond

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response = await self.endpoint(Request(scope, receive))
        await response(scope, receive, send)


@dataclass(frozen=True)
class _Form:
    """What a route takes and gives; `path` is the field of the body that lists the instances."""

    path: str
    check: Callable[[str], None]
    read: Callable[[Request, str, bytes], Awaitable[Sequence[BaseModel]]]
    write: Callable[[Predictions, str], bytes]


def predict_routes(pipeline: Pipeline, settings: Settings) -> list[RawRoute]:
    """Build the two routes of a model."""
    name, model = pipeline.name, pipeline.model
    one, many = _single(name, model), _batch(name, model)
    parameters = openapi.parameters(VersionChoice)
    shared: dict[str, Any] = {
        "model": name,
        "responses": openapi.problem_responses(
            *(400, 404, 408, 413, 415, 422, 429, 500, 502, 503, 504)
        ),
    }
    return [
        RawRoute(
            f"/predict/{name}",
            _endpoint(pipeline, settings, one),
            name="predict",
            summary=f"One prediction by {name}",
            response_model=Prediction[model.response],  # type: ignore[name-defined]
            openapi_extra={**parameters, **openapi.single_body(model)},
            **shared,
        ),
        RawRoute(
            f"/predict/{name}/batch",
            _endpoint(pipeline, settings, many),
            name="predict_batch",
            summary=f"Several predictions by one version of {name}",
            response_model=PredictionBatch[model.response],  # type: ignore[name-defined]
            openapi_extra={**parameters, **openapi.batch_body(model, Batch[model.request])},  # type: ignore[name-defined]
            **shared,
        ),
    ]


def _endpoint(
    pipeline: Pipeline, settings: Settings, form: _Form
) -> Callable[[Request], Awaitable[Response]]:
    """Build the way of one request through the gateway, from its bytes to the answer's bytes."""
    ticker = Ticker()

    async def answer(request: Request) -> Response:
        record = record_of(request)
        headers = dict(request.scope["headers"])
        media_type = bodies.media_type_of(headers)
        servable = _choice(request).of(pipeline.name)
        seconds = timeout_seconds(headers, longest=settings.predict_timeout_seconds)
        form.check(media_type)
        try:
            with Patience(ticker, request.receive, seconds) as patience:
                record.enter(metrics.READ)
                body = await bodies.read(request.receive, headers, settings.max_body_bytes)
                patience.body_read = True
                record.enter(metrics.VALIDATE)
                with pipeline.limiter:
                    instances = await form.read(request, media_type, body)
                    predictions = await pipeline.predict(
                        servable, instances, record, deadline=patience.deadline, path=form.path
                    )
        except TimeoutError as error:
            raise _too_late(record, seconds) from error
        return Response(form.write(predictions, record.request_id), media_type=bodies.JSON)

    return answer


def _too_late(record: Record, seconds: float) -> TfgateError:
    if record.stage == metrics.READ:
        message = f"the body had not arrived as a whole after {seconds:g} seconds"
        return RequestTimeout(message)
    return DeadlineExceeded(f"{record.model} did not answer within {seconds:g} seconds")


def _choice(request: Request) -> VersionChoice:
    query = request.scope["query_string"]
    if not query:
        return _NEWEST
    try:
        return VersionChoice.model_validate(dict(parse_qsl(query.decode("latin-1"), True)))
    except ValidationError as error:
        raise from_pydantic(error, where="query") from error


def _single(name: str, model: Model[Any, Any]) -> _Form:
    """One instance in, as JSON or as a file, and one prediction out."""
    # Classes made at run time, which mypy cannot follow.
    request_type: TypeAdapter[Any] = TypeAdapter(model.request)
    answer_type = Prediction[model.response]  # type: ignore[name-defined]
    adapter: TypeAdapter[Prediction[Any]] = TypeAdapter(answer_type)
    upload = model.upload
    accepted = (
        [bodies.JSON] if upload is None else [bodies.JSON, upload.media_type, bodies.MULTIPART]
    )

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

    return _Form("", check, read, write)


def _batch(name: str, model: Model[Any, Any]) -> _Form:
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

    return _Form("instances", check, read, write)


def unknown_model_router() -> APIRouter:
    """Answer for every model name that no route has taken."""
    router = APIRouter(include_in_schema=False)

    @router.post("/predict/{model}")
    @router.post("/predict/{model}/batch")
    async def unknown(model: str) -> None:
        raise unknown_model(model)

    return router


def unknown_model(name: str) -> UnknownModel:
    """Build the error for a model that is not in the registry."""
    return UnknownModel(f"there is no model {name[:100]!r}; there are {', '.join(sorted(MODELS))}")
