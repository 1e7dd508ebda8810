"""POST /feedback/{model}: what was right in place of an answer, and the figures that come of it."""

from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from starlette.requests import Request

from serving.errors import StoreUnavailable, Unimplemented, UnsupportedMediaType
from serving.gateway.api.feedback_items import body_schema, read_truths
from serving.gateway.api.openapi import problem_responses
from serving.gateway.api.payloads import JSON
from serving.gateway.bodies import reading
from serving.gateway.feedback.feedback import Feedback
from serving.gateway.feedback.joining import Joined, Outcome, Truth
from serving.gateway.inference.registry import Registry
from serving.gateway.middleware.request_timeout import RequestTimeout, too_late
from serving.gateway.settings import Settings
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext

_MAX_MEDIA_TYPE = 100  # characters that are told
_TURN_ON = "Operators turn it on: TFGATE_STORE=sqlite, or redis://… for several gateways."
_UNKNOWN = (
    "no such answer is kept: the id or key is another's, the answer is too old, or of this very "
    "second and another gateway's, or holds neither labels nor numbers"
)


class FeedbackResult(BaseModel):
    """What came of one item of feedback."""

    outcome: Outcome = Field(
        description="joined, already-given if all of it had been said before, or unknown if there "
        "is no answer that it can be about"
    )
    rows: int = Field(description="rows whose truth counts from now on")
    request_id: str | None = Field(description="of the request that was answered")
    version: int | None = Field(description="the version that answered")
    route: str | None = Field(description="how the request came to it", examples=["candidate"])
    message: str | None = Field(description="why it is unknown")


class FeedbackAnswer(BaseModel):
    """What came of feedback, item by item."""

    model: str
    joined: int = Field(description="rows whose truth counts from now on, of all items together")
    results: list[FeedbackResult] = Field(description="one for each item, in their order")


class VersionFigures(BaseModel):
    """How good a version's answers were, by the truths that have come; null where none has."""

    version: int
    route: str = Field(description="how the requests came to it", examples=["stable"])
    num_labels: int
    accuracy: float | None = Field(description="share of the labels that were right")
    calibration_error: float | None = Field(
        description="expected calibration error over ten bins: how far scores and accuracy differ"
    )
    num_numbers: int
    rmse: float | None = Field(description="root of the mean squared error")
    mean_error: float | None = Field(description="mean of the answers less the truths")
    coverage: float | None = Field(description="share of the truths within their intervals")
    promised_coverage: float | None = Field(description="what that share is to be")


class FeedbackFigures(BaseModel):
    """The figures of all versions for which feedback came while answers are kept."""

    model: str
    figures: list[VersionFigures]


def feedback_router(opened: Feedback | None, registry: Registry, settings: Settings) -> APIRouter:
    """Build the routes; without a store they say how to have one."""
    router = APIRouter(prefix="/feedback", tags=["feedback"])
    example = {"request_id": "0af7651916cd43dd8448eb211c80319c", "label": "positive"}
    body = {"required": True, "content": {JSON: {"schema": body_schema(), "example": example}}}

    @router.post(
        "/{model}",
        summary="What was right",
        responses=problem_responses(400, 404, 408, 413, 415, 422, 501, 503, 504),
        openapi_extra={"requestBody": body},
    )
    async def take_feedback(request: Request, model: Annotated[str, Path()]) -> FeedbackAnswer:
        context = request.scope["state"]["context"]
        feedback = await find(context, model)
        _check_media_type(context)
        timeout = RequestTimeout(request.receive, settings.predict_timeout_seconds)
        try:
            with timeout:
                context.enter(metrics.READ)
                read = await reading.read(request.receive, context.headers, settings.max_body_bytes)
                timeout.body_is_read = True
                context.enter(None)
                typed = registry.typed.get(model)
                truths, places = read_truths(read, model, typed, context.key)
                joined = await feedback.join(truths, places)
        except TimeoutError as error:
            if context.stage == metrics.READ:
                raise too_late(context, timeout.seconds) from error
            message = f"the store did not answer within {timeout.seconds:g} seconds"
            raise StoreUnavailable(message) from error
        results = list(map(_result, truths, joined))
        num_joined = sum(each.rows for each in results)
        return FeedbackAnswer(model=model, joined=num_joined, results=results)

    # Under a path of its own: what FastAPI allows on one path, it takes from one of its routes.
    @router.get(
        "/{model}/figures",
        summary="How good the answers were",
        responses=problem_responses(404, 501, 503, 504),
    )
    async def show_figures(request: Request, model: Annotated[str, Path()]) -> FeedbackFigures:
        feedback = await find(request.scope["state"]["context"], model)
        typed = registry.typed.get(model)
        promised = None if typed is None else typed.coverage
        found = await feedback.figures(model)
        return FeedbackFigures(
            model=model,
            figures=[
                VersionFigures(
                    **side._asdict(),
                    **vars(figures),
                    promised_coverage=None if figures.coverage is None else promised,
                )
                for side, figures in found.items()
            ],
        )

    async def find(context: RequestContext, model: str) -> Feedback:
        """See that there is a store, and a model that may be asked by this key."""
        if opened is None:
            raise Unimplemented("feedback is off: TFGATE_STORE is none", hint=_TURN_ON)
        if context.permit is not None:
            context.permit(model)
        await registry.find(model)
        return opened

    return router


def _check_media_type(context: RequestContext) -> None:
    stated = context.headers.get(b"content-type", b"")
    media_type = stated.partition(b";")[0].strip().lower().decode("latin-1")
    if media_type != JSON:
        received = f"is {media_type[:_MAX_MEDIA_TYPE]}" if media_type else "is missing"
        hint = "Add -H 'Content-Type: application/json'; curl -d sends another unless told so."
        raise UnsupportedMediaType(f"the Content-Type {received}; accepted: {JSON}", hint=hint)


def _result(truth: Truth, joined: Joined) -> FeedbackResult:
    answer = joined.answer
    return FeedbackResult(
        outcome=joined.outcome,
        rows=joined.num_rows,
        request_id=truth.asked.request_id if answer is None else answer.request_id,
        version=None if answer is None else answer.version,
        route=None if answer is None else answer.route,
        message=_UNKNOWN if answer is None else None,
    )
