"""The path of a prediction: preprocess, a call that may be shared, postprocess."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from serving.contract import Model, Row, Signature, Tensors, stack, unstack
from serving.errors import (
    DeadlineExceeded,
    InvalidInput,
    ModelUnavailable,
    PredictionFailed,
    UnknownVersion,
)
from serving.gateway.inference.batcher import Coalescer, RowAnswer, TraceContext
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.client import Answer, ModelServerClient, Servable
from serving.gateway.inference.concurrency_limit import Limiter
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import Record
from serving.models import MODELS

# The event loop, which serves everybody, may be held up for about as long as a call takes.
_MAX_SECONDS_ON_LOOP = 0.001


@dataclass(frozen=True)
class Predictions:
    """The answers to one request, in the order of its instances, all from one version."""

    version: int
    responses: list[BaseModel]


class Pipeline:
    """Turns validated requests for one model into responses."""

    def __init__(
        self,
        name: str,
        client: ModelServerClient,
        catalog: Catalog,
        limiter: Limiter,
        *,
        max_calls: int,
    ) -> None:
        self.name = name
        self.model = MODELS[name]
        self.limiter = limiter
        self._client = client
        self._catalog = catalog
        self._coalescer = Coalescer(
            name, self._call, limiter, max_rows=self.model.max_call_rows, max_calls=max_calls
        )

    async def predict(
        self,
        servable: Servable,
        requests: Sequence[BaseModel],
        record: Record,
        *,
        deadline: float,
        path: str = "",
    ) -> Predictions:
        """Answer each request; stages are timed in `record`.

        `deadline` is a time of time.monotonic() at which the caller stops waiting. `path` is the
        field of the body that lists the requests, empty if the body is the request.

        Raises:
            InvalidInput: a request passed its schema but can't be used; `fields` says where.
            TfgateError: the model server could not answer.
        """
        record.instances = len(requests)
        record.enter(metrics.PREPROCESS)
        rows = await self._preprocess(requests, deadline, path)
        record.enter(metrics.QUEUE)

        def on_sent() -> TraceContext:
            record.enter(metrics.RPC)
            return record.trace_context()

        answer = await self._coalescer.predict(servable, rows, deadline=deadline, on_sent=on_sent)
        record.version = answer.version
        card = await self._catalog.card(self.name, answer.version)
        record.enter(metrics.POSTPROCESS)
        responses = [
            self.model.postprocess(row, request, card)
            for row, request in zip(answer.rows, requests, strict=True)
        ]
        return Predictions(answer.version, responses)

    async def _preprocess(
        self, requests: Sequence[BaseModel], deadline: float, path: str
    ) -> list[Row]:
        seconds = sum(map(self.model.preprocess_seconds, requests))
        if seconds > _MAX_SECONDS_ON_LOOP:
            return await asyncio.to_thread(_preprocess, self.model, requests, deadline, path)
        return _preprocess(self.model, requests, deadline, path)

    async def _call(
        self, servable: Servable, rows: list[Row], timeout_seconds: float, trace: TraceContext
    ) -> RowAnswer:
        """Make one call of the model server; the rows may come from several requests."""
        inputs = stack(rows, self.model.signature)
        started = time.monotonic()
        try:
            answer = await self._client.predict(
                servable, inputs, timeout_seconds=timeout_seconds, trace=trace
            )
        except (ModelUnavailable, UnknownVersion):
            if servable.version is not None:
                raise
            # The newest version, or the label's, was unloaded in this moment: ask who is it now.
            metrics.RETRIES.labels(self.name, metrics.RETRIED_VERSION_GONE).inc()
            left = timeout_seconds - (time.monotonic() - started)
            answer = await self._client.predict(servable, inputs, timeout_seconds=left, trace=trace)
        outputs = _checked(answer, self.model.signature, len(rows))
        metrics.of(self.name, answer.version).call_rows.observe(len(rows))
        return RowAnswer(answer.version, unstack(outputs))


def _preprocess(
    model: Model[Any, Any], requests: Sequence[BaseModel], deadline: float, path: str
) -> list[Row]:
    rows = []
    for index, request in enumerate(requests):
        # In a thread, this is all that can stop the work for a caller who no longer waits.
        if time.monotonic() > deadline:
            message = f"only {index} of {len(requests)} instances were preprocessed in time"
            raise DeadlineExceeded(message)
        try:
            rows.append(model.preprocess(request))
        except InvalidInput as error:
            if path:
                raise error.below(f"{path}.{index}") from error
            raise
    return rows


def _checked(answer: Answer, signature: Signature, num_rows: int) -> Tensors:
    """Return the outputs that the signature promises.

    Raises:
        PredictionFailed: one is missing, has another dtype or shape, or is not finite.
    """
    for name, spec in signature.outputs.items():
        array = answer.outputs.get(name)
        if array is None:
            message = f"the model server left out the output {name}"
            raise PredictionFailed(message)
        if array.shape != (num_rows, *spec.row_shape) or array.dtype != spec.numpy_dtype:
            message = f"the model server answered {name} as {array.dtype}{list(array.shape)}"
            raise PredictionFailed(f"{message}; the signature promises {spec}")
        if spec.dtype == "float32" and not np.isfinite(array).all():
            message = f"the model server answered {name} with values that are no finite numbers"
            raise PredictionFailed(message)
    return {name: answer.outputs[name] for name in signature.outputs}
