"""Asking a model: which version, in a call that may be shared, and whether its answer is one.

Knows tensors, versions and time, and no protocol of those who ask.
"""

import numpy as np

from serving.contract import Signature, Tensors
from serving.errors import ModelUnavailable, PredictionFailed, UnknownVersion
from serving.gateway.inference.batcher import Batcher, TraceHeaders
from serving.gateway.inference.client import Answer, ModelServerClient
from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.inference.operating_point import OperatingPoint
from serving.gateway.inference.router import Router
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext


class Inference:
    """Asks one model; a request is asked within its `limit`."""

    def __init__(
        self,
        declared: Signature | None,
        client: ModelServerClient,
        router: Router,
        limit: ConcurrencyLimit,
        point: OperatingPoint,
    ) -> None:
        """Of a `declared` signature, every number must be finite."""
        self.limit = limit
        self._declared = declared
        self._client = client
        self._router = router
        self._batcher = Batcher(limit.model, self._call, limit, point)

    def route(self, asked: ModelRef) -> ModelRef:
        """Say what is asked instead of what was asked for."""
        return self._router.routes.get(asked, asked)

    def withdraw(self, gone: ModelRef) -> None:
        """Ask a version no more that has gone; what was asked of it is asked once more."""
        self._router.withdraw(gone)
        metrics.RETRIES.labels(gone.name, metrics.RETRIED_VERSION_GONE).inc()

    async def predict(
        self, question: Question, inputs: Tensors, context: RequestContext, *, deadline: float
    ) -> Answer:
        """Have rows answered, in their order, by one version; its number is noted in `context`.

        `deadline` is a time of time.monotonic() at which the caller stops waiting.

        Raises:
            TfgateError: the model server could not answer.
            PredictionFailed: what it answered is not what the signature promises.
        """
        asked = question.ref
        context.enter(metrics.QUEUE)
        # Not by replace(), which takes three times as long.
        routed = Question(
            self._router.routes.get(asked, asked),
            *(question.signature, question.outputs, question.joinable, question.promise),
        )
        try:
            answer = await self._batcher.predict(routed, inputs, context, deadline=deadline)
        except (ModelUnavailable, UnknownVersion):
            if asked.version is not None:
                raise
            # The newest version, or the label's, was unloaded in this moment: ask who is it now.
            self.withdraw(routed.ref)
            context.enter(metrics.QUEUE)
            answer = await self._batcher.predict(question, inputs, context, deadline=deadline)
        context.version = answer.version
        return answer

    async def relay(
        self, method: str, ref: ModelRef, request: bytes, *, timeout_seconds: float
    ) -> bytes:
        """Have a call of the model server made as it came.

        Raises:
            TfgateError: the model server could not answer.
        """
        return await self._client.relay(method, ref, request, timeout_seconds=timeout_seconds)

    async def _call(
        self, question: Question, inputs: Tensors, timeout_seconds: float, trace: TraceHeaders
    ) -> Answer:
        """Make one call of the model server; its rows may come from several requests."""
        answer = await self._client.predict(
            question, inputs, timeout_seconds=timeout_seconds, headers=trace
        )
        outputs, num_rows = answer.outputs, None
        if question.joinable:
            num_rows = len(next(iter(inputs.values())))
            metrics.SERIES[question.ref.name, answer.version].call_rows.observe(num_rows)
        promise = question.promise or self._declared
        if promise is not None:
            outputs = check_outputs(outputs, promise, num_rows, wanted=question.outputs)
            if promise is self._declared:
                check_numbers(outputs)
        return Answer(answer.version, outputs)


def check_outputs(
    outputs: Tensors,
    signature: Signature,
    num_rows: int | None,
    *,
    wanted: tuple[str, ...] = (),
) -> Tensors:
    """Return the outputs that the signature promises, or those of them that are wanted.

    `num_rows` is None if there is no batch.

    Raises:
        PredictionFailed: one is missing, or has another dtype, shape or number of rows.
    """
    names = wanted or signature.outputs
    for name in names:
        spec, array = signature.outputs[name], outputs.get(name)
        if array is None:
            message = f"the model server left out the output {name}"
            raise PredictionFailed(message)
        has_rows = num_rows is None or array.shape[:1] == (num_rows,)
        if not has_rows or not spec.admits(array.shape) or array.dtype != spec.numpy_dtype:
            message = f"the model server answered {name} as {array.dtype}{list(array.shape)}"
            raise PredictionFailed(f"{message}; the signature promises {spec}")
    return {name: outputs[name] for name in names}


def check_numbers(outputs: Tensors) -> None:
    """See that every number is one.

    Raises:
        PredictionFailed: an output has NaN or infinity.
    """
    for name, array in outputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            message = f"the model server answered {name} with values that are no finite numbers"
            raise PredictionFailed(message)
