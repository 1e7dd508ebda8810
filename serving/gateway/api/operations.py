"""What operators and probes ask: health, readiness, metrics, and what an error code means."""

from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from serving.errors import (
    FieldError,
    ModelServerUnavailable,
    ModelUnavailable,
    NotFound,
    ShuttingDown,
    TfgateError,
    all_errors,
)
from serving.gateway.api.openapi import problem_responses
from serving.gateway.inference.monitor import ModelMonitor, ModelState
from serving.gateway.inference.registry import Registry
from serving.gateway.middleware.draining import is_draining
from serving.gateway.problems import hint_for, status_of, title_of
from serving.gateway.telemetry.exposition import registry


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(BaseModel):
    """Requests may come: for one model at least, and for each that is required."""

    status: Literal["ready"] = "ready"
    missing: dict[str, str] = Field(
        description="the models that cannot be asked all the same, each with the reason"
    )


class ErrorMeaning(BaseModel):
    """What a problem's `type` stands for."""

    code: str
    title: str
    status: int = Field(description="the HTTP status that it comes with")
    meaning: str
    hint: str = Field(description="what to do about it")


def operations_router(
    registry: Registry,
    monitor: ModelMonitor,
    required: Collection[str],
    *,
    with_metrics: bool,
) -> APIRouter:
    """Build the routes; /metrics among them unless it has a port of its own.

    `required` are the models without any of which the gateway is not ready; if there are none, one
    that can be asked is enough: one bad folder must not take the others out of their service.
    """
    router = APIRouter(tags=["operations"])
    codes = sorted(error.code for error in all_errors())

    @router.get("/healthz", summary="Is the gateway alive?")
    async def health() -> Health:
        return Health()

    @router.get("/readyz", summary="May requests come?", responses=problem_responses(503))
    async def readiness(request: Request) -> Readiness:
        _refuse_while_draining(request)
        return check_ready(await monitor.look(), required, takes_any=registry.takes_any)

    @router.get(
        "/readyz/{model}",
        summary="Can this model be asked?",
        responses=problem_responses(404, 503),
    )
    async def readiness_of_one(
        request: Request,
        model: Annotated[str, Path(json_schema_extra={"enum": sorted(registry.declared)})],
    ) -> Readiness:
        await registry.find(model)
        _refuse_while_draining(request)
        return check_ready({model: await monitor.look_at(model)}, [model])

    @router.get(
        "/errors/{code}",
        summary="What does an error code mean?",
        responses=problem_responses(404),
    )
    async def explain_error(
        request: Request,
        code: Annotated[str, Path(json_schema_extra={"enum": codes})],
    ) -> ErrorMeaning:
        for error in all_errors():
            if error.code == code:
                return ErrorMeaning(
                    code=code,
                    title=title_of(error),
                    status=status_of(error),
                    meaning=error.__doc__ or "",
                    hint=hint_for(error.hint, request.scope["root_path"], None),
                )
        message = f"there is no error code {code[:100]!r}; there are {', '.join(codes)}"
        raise NotFound(message)

    if with_metrics:
        _add_metrics(router)
    return router


def _refuse_while_draining(request: Request) -> None:
    if is_draining(request):
        raise ShuttingDown("the gateway is shutting down")


def check_ready(
    found: Mapping[str, ModelState], required: Collection[str], *, takes_any: bool = False
) -> Readiness:
    """Say what is missing of models that may be asked all the same.

    Raises:
        ModelUnavailable: none can be asked, or one of those that are required cannot.
        ModelServerUnavailable: nor can the model server.
    """
    missing = {model: state.missing for model, state in found.items() if state.missing}
    missing |= dict.fromkeys(set(required) - found.keys(), "models.config does not list it")
    # A model server that has none of those known here may have others, which can be asked.
    may_have_others = takes_any and not any(each.error or each.versions for each in found.values())
    nothing_is_ready = missing.keys() >= found.keys() and not may_have_others
    if nothing_is_ready or not missing.keys().isdisjoint(required):
        raise _not_ready(found, missing)
    return Readiness(missing=missing)


def _not_ready(found: Mapping[str, ModelState], missing: Mapping[str, str]) -> TfgateError:
    fields = [FieldError(model, reason) for model, reason in missing.items()]
    if found and all(state.error for state in found.values()):
        # What keeps every model from being looked at is not about any of them.
        return ModelServerUnavailable(fields[0].message, fields=fields)
    detail = "; ".join(f"{model}: {reason}" for model, reason in missing.items())
    return ModelUnavailable(detail or "models.config lists no model yet", fields=fields)


def _add_metrics(router: APIRouter) -> None:
    @router.get(
        "/metrics",
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={200: {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}},
    )
    async def expose_metrics() -> Response:
        return Response(generate_latest(registry()), media_type=CONTENT_TYPE_LATEST)
