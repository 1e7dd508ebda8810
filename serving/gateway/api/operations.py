"""What operators and probes ask: health, readiness, metrics, and what an error code means."""

from collections.abc import Collection
from typing import Annotated, Literal

from fastapi import APIRouter, Path
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from serving.errors import NotFound, all_errors
from serving.gateway.api.openapi import problem_responses
from serving.gateway.inference.monitor import ModelMonitor
from serving.gateway.inference.readiness import check_ready
from serving.gateway.inference.registry import Registry
from serving.gateway.middleware.draining import refuse_while_draining
from serving.gateway.problems import hint_for, status_of, title_of
from serving.gateway.releases.board import Board
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
    releases: str | None = Field(
        default=None,
        description="what is wrong with the file of releases, those read from it before go on to "
        "count; left out if nothing is",
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
    board: Board | None,
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

    @router.get(
        "/readyz",
        summary="May requests come?",
        response_model_exclude_none=True,
        responses=problem_responses(503),
    )
    async def readiness(request: Request) -> Readiness:
        refuse_while_draining(request.scope)
        missing = check_ready(await monitor.look(), required, takes_any=registry.takes_any)
        return Readiness(missing=missing, releases=board.problem if board else None)

    @router.get(
        "/readyz/{model}",
        summary="Can this model be asked?",
        response_model_exclude_none=True,
        responses=problem_responses(404, 503),
    )
    async def readiness_of_one(
        request: Request,
        model: Annotated[str, Path(json_schema_extra={"enum": sorted(registry.typed)})],
    ) -> Readiness:
        await registry.find(model)
        refuse_while_draining(request.scope)
        return Readiness(missing=check_ready({model: await monitor.look_at(model)}, [model]))

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


def _add_metrics(router: APIRouter) -> None:
    @router.get(
        "/metrics",
        summary="Metrics for Prometheus",
        response_class=Response,
        responses={200: {"content": {CONTENT_TYPE_LATEST: {"schema": {"type": "string"}}}}},
    )
    async def expose_metrics() -> Response:
        return Response(generate_latest(registry()), media_type=CONTENT_TYPE_LATEST)
