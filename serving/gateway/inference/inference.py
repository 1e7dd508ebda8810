"""Asking a model: which version, in a call that may be shared, and whether its answer is one.

Knows tensors, versions and time, and no protocol of those who ask.
"""

import numpy as np

from serving.contract import Signature, Tensors
from serving.errors import ModelUnavailable, PredictionFailed, UnknownVersion
from serving.gateway.inference.batcher import Batcher, TraceHeaders
from serving.gateway.inference.client import Answer, ModelServerClient
from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.inference.router import Router
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext


class Inference:
    """Asks one model; a request is asked within its `limit`."""

    def __init__(
        self,
        signature: Signature,
        client: ModelServerClient,
        router: Router,
        limit: ConcurrencyLimit,
        *,
        max_rows: int,
        max_calls: int,
    ) -> None:
        """At most `max_calls` of each version are out at once, of `max_rows` rows if shared."""
        self.limit = limit
        self._signature = signature
        self._client = client
        self._router = router
        self._batcher = Batcher(
            limit.model, self._call, limit, max_rows=max_rows, max_calls=max_calls
        )

    async def predict(
        self, asked: ModelRef, inputs: Tensors, context: RequestContext, *, deadline: float
    ) -> Answer:
        """Have rows answered, in their order, by one version; its number is noted in `context`.

        `deadline` is a time of time.monotonic() at which the caller stops waiting.

        Raises:
            TfgateError: the model server could not answer.
            PredictionFailed: what it answered is not what the signature promises.
        """
        context.enter(metrics.QUEUE)
        ref = self._router.routes.get(asked, asked)
        try:
            answer = await self._batcher.predict(ref, inputs, context, deadline=deadline)
        except (ModelUnavailable, UnknownVersion):
            if asked.version is not None:
                raise
            # The newest version, or the label's, was unloaded in this moment: ask who is it now.
            self._router.withdraw(ref)
            metrics.RETRIES.labels(asked.name, metrics.RETRIED_VERSION_GONE).inc()
            context.enter(metrics.QUEUE)
            answer = await self._batcher.predict(asked, inputs, context, deadline=deadline)
        context.version = answer.version
        return answer

    async def _call(
        self, ref: ModelRef, inputs: Tensors, timeout_seconds: float, trace: TraceHeaders
    ) -> Answer:
        """Make one call of the model server; its rows may come from several requests."""
        answer = await self._client.predict(
            ref, inputs, timeout_seconds=timeout_seconds, headers=trace
        )
        num_rows = len(next(iter(inputs.values())))
        outputs = check_outputs(answer.outputs, self._signature, num_rows)
        metrics.SERIES[ref.name, answer.version].call_rows.observe(num_rows)
        return Answer(answer.version, outputs)


def check_outputs(outputs: Tensors, signature: Signature, num_rows: int) -> Tensors:
    """Return the outputs that the signature promises.

    Raises:
        PredictionFailed: one is missing, has another dtype or shape, or is not finite.
    """
    for name, spec in signature.outputs.items():
        array = outputs.get(name)
        if array is None:
            message = f"the model server left out the output {name}"
            raise PredictionFailed(message)
        if array.shape != (num_rows, *spec.row_shape) or array.dtype != spec.numpy_dtype:
            message = f"the model server answered {name} as {array.dtype}{list(array.shape)}"
            raise PredictionFailed(f"{message}; the signature promises {spec}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            message = f"the model server answered {name} with values that are no finite numbers"
            raise PredictionFailed(message)
    return {name: outputs[name] for name in signature.outputs}
