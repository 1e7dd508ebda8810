"""POST /predict/{model} and /predict/{model}/batch: HTTP to the pipeline and back."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from serving.errors import (
    DeadlineExceeded,
    RequestTimeout,
    TfgateError,
    UnknownModel,
)
from serving.gateway.api import bodies, openapi
from serving.gateway.api.payloads import (
    Batch,
    Form,
    Prediction,
    PredictionBatch,
    VersionChoice,
    batch_form,
    single_form,
    version_choice,
)
from serving.gateway.inference.inference import Pipeline
from serving.gateway.middleware.deadline import timeout_seconds
from serving.gateway.middleware.request_timeout import Patience, Ticker
from serving.gateway.settings import Settings
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import Record, record_of
from serving.models import MODELS


class RawRoute(APIRoute):
    """A route whose endpoint takes the request as it came and returns the finished response.

    FastAPI documents it like any other; its own handling of parameters and response models, which
    takes longer than the whole rest of a small prediction's way through the gateway, is left out.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], *, model: str, **options: Any):
        super().__init__(path, endpoint, tags=[model], methods=["POST"], **options)
        # Starlette's own pattern, which ends in $, would also let a line feed follow.
        self.path_regex = re.compile(re.escape(path) + r"\Z")
        self.model = model
        self.app = self._respond

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        response: Response = await self.endpoint(Request(scope, receive))
        await response(scope, receive, send)


def predict_routes(pipeline: Pipeline, settings: Settings) -> list[RawRoute]:
    """Build the two routes of a model."""
    name, model = pipeline.name, pipeline.model
    one, many = single_form(name, model), batch_form(name, model)
    parameters = openapi.parameters(VersionChoice)
    shared: dict[str, Any] = {
        "model": name,
        "responses": openapi.problem_responses(*(400, 404, 408, 413, 415, 422, 429, 502, 503, 504)),
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
    pipeline: Pipeline, settings: Settings, form: Form
) -> Callable[[Request], Awaitable[Response]]:
    """Build the way of one request through the gateway, from its bytes to the answer's bytes."""
    ticker = Ticker()

    async def answer(request: Request) -> Response:
        record = record_of(request)
        headers = dict(request.scope["headers"])
        media_type = bodies.media_type_of(headers)
        servable = version_choice(request).of(pipeline.name)
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
