"""GET /models/{model}/load: what a model is asked at this moment, its limits, the last minute."""

from typing import Annotated

import numpy as np
from fastapi import APIRouter, Path
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from serving.gateway.api.openapi import problem_responses
from serving.gateway.inference.inference import Inference
from serving.gateway.inference.registry import Registry
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.last_minute import LastMinute, Minute


class RequestsNow(BaseModel):
    """Requests at work: their body has been read, and their answer has not come."""

    at_work: int
    queued: int = Field(description="of them, that wait for a call of the model server")
    limit: int = Field(
        description="that may be at work; it follows the model server's latency, and what is more "
        "is refused with 429"
    )
    most: int = Field(description="what the limit may come to: TFGATE_MAX_REQUESTS_PER_MODEL")
    waiting_share: float = Field(
        description="part of the time until a call's answer that its requests have waited for it "
        "to leave, 0 to 1, of late"
    )


class CallsNow(BaseModel):
    """Calls of the model server, each of which carries the rows of one request or more."""

    out: int
    limit: int = Field(description="that may be out of one version; it follows what pays most")
    rows_limit: int = Field(description="rows that requests may share a call with")


class CallSize(BaseModel):
    """Calls of about the same number of rows."""

    rows: int | None = Field(description="at most, and more than the size before; null: any more")
    calls: int


class LastMinuteLoad(BaseModel):
    """What came within the last minute, or since the process began."""

    seconds: float = Field(description="how long that is", examples=[57.2])
    requests: int = Field(description="that were answered, well or not; those refused left out")
    failed: int = Field(description="of them, that were answered with an error, whosever fault")
    shed: dict[str, int] = Field(
        description="requests refused with 429: over the worker's bound, or the model's limit",
        examples=[{"bound": 0, "limit": 3}],
    )
    p50_seconds: float | None = Field(
        description="within which half of the requests were answered, from the first byte of the "
        "request to the last of the answer; estimated between the bounds of the histogram "
        "tfgate_request_seconds; null if there were none"
    )
    p90_seconds: float | None
    p99_seconds: float | None
    calls: int = Field(description="of the model server, that were answered")
    mean_rows: float | None = Field(description="of a call; null if there were none")
    call_sizes: list[CallSize]


class Load(BaseModel):
    """What one model is asked now, as the process that answers sees it.

    Each gateway, and each worker of it, has limits of its own, and counts its own requests; of all
    together, Prometheus tells.
    """

    model: str
    requests: RequestsNow
    calls: CallsNow
    last_minute: LastMinuteLoad


def load_router(registry: Registry, last_minute: LastMinute) -> APIRouter:
    """Build the route."""
    router = APIRouter(tags=["models"])

    @router.get(
        "/models/{model}/load",
        summary="What a model is asked now, and its limits",
        responses=problem_responses(404, 503, 504),
    )
    async def load(model: Annotated[str, Path()]) -> Load:
        inference = (await registry.find(model)).inference
        return Load(
            model=model,
            requests=_requests(inference),
            calls=CallsNow(
                out=inference.num_calls,
                limit=inference.point.calls,
                rows_limit=inference.point.rows,
            ),
            last_minute=_minute(last_minute.of(model)),
        )

    return router


def _requests(inference: Inference) -> RequestsNow:
    limit = inference.limit
    return RequestsNow(
        at_work=limit.inside,
        queued=inference.num_queued,
        limit=limit.limit,
        most=limit.max_limit,
        waiting_share=limit.waiting_share,
    )


def _minute(minute: Minute) -> LastMinuteLoad:
    num_requests, num_calls = int(minute.by_seconds.sum()), int(minute.by_rows.sum())
    p50, p90, p99 = (_seconds_at(minute.by_seconds, each) for each in (0.5, 0.9, 0.99))
    return LastMinuteLoad(
        seconds=minute.seconds,
        requests=num_requests,
        failed=num_requests - minute.num_ok,
        shed=dict(minute.shed),
        p50_seconds=p50,
        p90_seconds=p90,
        p99_seconds=p99,
        calls=num_calls,
        mean_rows=minute.num_rows / num_calls if num_calls else None,
        call_sizes=[
            CallSize(rows=rows, calls=int(calls))
            for rows, calls in zip((*metrics.COUNTS, None), minute.by_rows, strict=True)
        ],
    )


def _seconds_at(counts: NDArray[np.float64], quantile: float) -> float | None:
    """Estimate a quantile as Prometheus' histogram_quantile does: evenly spread within a bucket.

    Of what is beyond the last bound, only that bound is known.
    """
    if not counts.sum():
        return None
    reached, wanted = counts.cumsum(), quantile * counts.sum()
    at = int(np.searchsorted(reached, wanted))
    if at == len(metrics.SECONDS):
        return metrics.SECONDS[-1]
    low, high = (0.0, *metrics.SECONDS)[at : at + 2]
    return float(high - (high - low) * (reached[at] - wanted) / counts[at])
