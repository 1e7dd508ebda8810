"""POST /predict/{model} and /predict/{model}/batch: HTTP to the pipeline and back."""

from typing import Annotated, Any, Generic

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from starlette.requests import Request
from starlette.responses import Response

from serving.contract import Model, RequestT, ResponseT
from serving.errors import FieldError, InvalidInput, UnknownModel
from serving.gateway import bodies, openapi
from serving.gateway.client import Servable
from serving.gateway.pipeline import Pipeline
from serving.gateway.record import record_of
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


Choice = Annotated[VersionChoice, Query()]


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


def predict_router(
    name: str, model: Model[Any, Any], pipeline: Pipeline, max_body_bytes: int
) -> APIRouter:
    """Build the two routes of a model.

    Bodies are read and validated here, straight from bytes into the model's request class:
    FastAPI's own body parameters are slower and know no image/* bodies.
    """
    router = APIRouter(prefix=f"/predict/{name}", tags=[name])
    # Classes made at run time, which mypy cannot follow.
    one: TypeAdapter[Any] = TypeAdapter(model.request)
    many: TypeAdapter[Batch[Any]] = TypeAdapter(Batch[model.request])  # type: ignore[name-defined]
    prediction_type: type[Prediction[Any]] = Prediction[model.response]  # type: ignore[name-defined]
    batch_type: type[PredictionBatch[Any]] = PredictionBatch[model.response]  # type: ignore[name-defined]
    single_body, batch_body = openapi.single_body(model), openapi.batch_body(model, many)
    responses = openapi.problem_responses(400, 404, 413, 415, 422, 429, 500, 502, 503, 504)

    @router.post(
        "",
        summary=f"One prediction by {name}",
        response_model=prediction_type,
        openapi_extra=single_body,
        responses=responses,
    )
    async def predict(request: Request, choice: Choice) -> Response:
        record, servable = record_of(request), choice.of(name)
        accepted = list(single_body["requestBody"]["content"])
        if model.upload is not None and bodies.is_upload(request, model.upload):
            with record.stage("read"):
                instance = model.upload.read(await bodies.read_file(request, max_body_bytes))
        else:
            with record.stage("read"):
                body = await bodies.read_json(request, max_body_bytes, accepted=accepted)
            with record.stage("validate"):
                instance = bodies.parse_json(one, body)
        predictions = await pipeline.predict(servable, [instance], record)
        answer = prediction_type(
            model=name,
            version=predictions.version,
            request_id=record.request_id,
            prediction=predictions.responses[0],
        )
        return _json(answer)

    @router.post(
        "/batch",
        summary=f"Several predictions by one version of {name}",
        response_model=batch_type,
        openapi_extra=batch_body,
        responses=responses,
    )
    async def predict_batch(request: Request, choice: Choice) -> Response:
        record, servable = record_of(request), choice.of(name)
        with record.stage("read"):
            body = await bodies.read_json(request, max_body_bytes, accepted=[bodies.JSON])
        with record.stage("validate"):
            batch = bodies.parse_json(many, body)
        predictions = await pipeline.predict(servable, batch.instances, record, path="instances")
        answer = batch_type(
            model=name,
            version=predictions.version,
            request_id=record.request_id,
            predictions=predictions.responses,
        )
        return _json(answer)

    return router


def unknown_model_router() -> APIRouter:
    """Answer for every model name that no router has taken."""
    router = APIRouter(include_in_schema=False)

    @router.post("/predict/{model}")
    @router.post("/predict/{model}/batch")
    async def unknown(model: str) -> None:
        raise unknown_model(model)

    return router


def unknown_model(name: str) -> UnknownModel:
    """Build the error for a model that is not in the registry."""
    return UnknownModel(f"there is no model {name[:100]!r}; there are {', '.join(sorted(MODELS))}")


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), media_type=bodies.JSON)
