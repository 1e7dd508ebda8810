"""Asking a model: which version, in a call that may be shared, and whether its answer is one.

Knows tensors, versions and time, and no protocol of those who ask.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TypeVar

import numpy as np

from serving.contract import Signature, Tensors, TensorSpec
from serving.errors import (
    ModelServerFailure,
    ModelUnavailable,
    Overloaded,
    PredictionFailed,
    RejectedByModel,
    TfgateError,
    UnknownVersion,
)
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.batcher import Batcher, TraceHeaders
from serving.gateway.inference.client import Answer, ModelServerClient
from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.model_ref import (
    EXPLAIN_SIGNATURE,
    PREDICT_SIGNATURE,
    ModelRef,
    Question,
)
from serving.gateway.inference.operating_point import OperatingPoint
from serving.gateway.inference.router import Router
from serving.gateway.releases.running import Running
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext

T = TypeVar("T")
Onlooker = Callable[[Answered], None]
_GONE = (ModelUnavailable, UnknownVersion)
# What is a version's own fault, and not that of the model server, or of how much is asked of it.
_FAULTS = (*_GONE, ModelServerFailure, RejectedByModel)
# Of the places of a model, that its candidate may take however small its share is: one that hangs
# must not take them all. More than twice its share it never needs.
_CANDIDATE_PLACES = 0.25
# And that explanations may take, which are many times the work of an answer.
_EXPLAINED_PLACES = 0.25
_ROUNDING_SECONDS = 0.001


class Inference:
    """Asks one model; a request is asked within its `limit`.

    Each of the `onlookers` is shown every answer at once, before it leaves: it must be quick.
    """

    def __init__(
        self,
        declared: Signature | None,
        client: ModelServerClient,
        router: Router,
        limit: ConcurrencyLimit,
        point: OperatingPoint,
        onlookers: Sequence[Onlooker] = (),
    ) -> None:
        """Of a `declared` signature, every number must be finite."""
        self.limit = limit
        self.point = point
        self._declared = declared
        self._client = client
        self._router = router
        self._onlookers = onlookers
        self._batcher = Batcher(limit.model, self._call, limit, point)
        # What the candidate and the copies of requests take says nothing of the stable version.
        self._beside = Batcher(limit.model, self._call, limit, point, learns=False)
        self._num_tried = self._num_explained = 0

    @property
    def is_released(self) -> bool:
        """Whether a release says which version answers."""
        return self.limit.model in self._router.running

    @property
    def num_queued(self) -> int:
        """How many requests wait for a call."""
        return self._batcher.num_queued + self._beside.num_queued

    @property
    def num_calls(self) -> int:
        """How many calls of the model server are out."""
        return self._batcher.num_calls + self._beside.num_calls

    def stable(self) -> ModelRef:
        """Return the version that answers if nothing else is to be tried."""
        return self._router.stable(self.limit.model)

    def route(self, asked: ModelRef, context: RequestContext) -> ModelRef:
        """Say which version is asked instead of what was asked for; `context` notes the route."""
        if asked.version is not None or asked.label is not None:
            context.route = metrics.PINNED
            return asked
        running = self._router.running.get(asked.name)
        if running is not None and running.takes(context) and self._may_try(running.share):
            context.route = metrics.CANDIDATE
            return ModelRef(asked.name, running.candidate)
        context.route = metrics.STABLE
        return self._router.routes.get(asked, asked)

    def _may_try(self, share: float) -> bool:
        places = self.limit.limit * max(_CANDIDATE_PLACES, 2 * share)
        return self._num_tried < places

    def instead(
        self, asked: ModelRef, failed: ModelRef, error: TfgateError, context: RequestContext
    ) -> ModelRef | None:
        """Say what is asked once more after a version has failed; None if nothing is.

        One that has gone has a successor; what the candidate cannot answer, the stable version is
        asked.

        Raises:
            ModelUnavailable: a release says that the version answers, and it is not there.
        """
        if asked.version is not None:
            return None
        has_gone = isinstance(error, _GONE)
        if has_gone:
            self._router.withdraw(failed)
        if context.route == metrics.CANDIDATE and isinstance(error, _FAULTS):
            metrics.RETRIES.labels(asked.name, metrics.RETRIED_STABLE).inc()
            context.route = metrics.STABLE
            return self.stable()
        if not has_gone:
            return None
        hindrance = self._router.hindrance(asked.name) if asked.label is None else None
        if hindrance is not None:
            raise ModelUnavailable(hindrance) from error
        metrics.RETRIES.labels(asked.name, metrics.RETRIED_VERSION_GONE).inc()
        return self._router.routes.get(asked, asked)

    async def predict(
        self, question: Question, inputs: Tensors, context: RequestContext, *, deadline: float
    ) -> Answer:
        """Have rows answered, in their order, by one version; its number is noted in `context`.

        `deadline` is a time of time.monotonic() at which the caller stops waiting.

        Raises:
            TfgateError: the model server could not answer.
            PredictionFailed: what it answered is not what the signature promises.
        """
        asked, began = question.ref, time.monotonic()
        # A dialect has read the signature of the version that it asks, by whatever route.
        ref = self.route(asked, context) if context.route is None else asked
        # Not by replace(), which takes three times as long.
        rest = question.signature, question.outputs, question.joinable, question.promise
        routed = Question(ref, *rest)
        try:
            answer = await self._ask(routed, inputs, context, deadline)
        except TfgateError as error:
            another = self.instead(asked, ref, error, context)
            if another is None:
                raise
            routed = Question(another, *rest)
            answer = await self._ask(routed, inputs, context, deadline)
        context.version = answer.version
        if self._onlookers:
            seconds = time.monotonic() - began
            answered = Answered(routed, inputs, answer.outputs, answer.version, seconds, context)
            if routed.signature == EXPLAIN_SIGNATURE and self._declared is not None:
                answered = self._plain(answered)
            for show in self._onlookers:
                show(answered)
        return answer

    def _plain(self, answered: Answered) -> Answered:
        """Show an answer that was explained as if it were not, with the explanation apart."""
        known: Mapping[str, TensorSpec] = {} if self._declared is None else self._declared.outputs
        outputs = {name: array for name, array in answered.outputs.items() if name in known}
        why = {name: array for name, array in answered.outputs.items() if name not in known}
        question = Question(answered.question.ref)
        return answered._replace(question=question, outputs=outputs, explanation=why)

    async def ask_beside(
        self, question: Question, inputs: Tensors, timeout_seconds: float
    ) -> Answer:
        """Ask a version for nobody who waits: what it takes, teaches nothing.

        Raises:
            TfgateError: it could not answer.
        """
        context = RequestContext("", "", "", {})
        deadline = time.monotonic() + timeout_seconds
        async with asyncio.timeout(timeout_seconds):
            return await self._beside.predict(question, inputs, context, deadline=deadline)

    async def relay(
        self,
        method: str,
        ref: ModelRef,
        request: bytes,
        context: RequestContext,
        *,
        deadline: float,
        signature: str = PREDICT_SIGNATURE,
    ) -> bytes:
        """Have a call of the model server made as it came; `signature` is the one that it asks.

        Raises:
            TfgateError: the model server could not answer.
        """
        seconds = deadline - time.monotonic()
        explains = signature == EXPLAIN_SIGNATURE
        with self._explaining() if explains else nullcontext():
            answer = self._client.relay(method, ref, request, timeout_seconds=seconds)
            running = self._release_of(ref, context)
            if running is None:
                return await answer
            return await self._watched(running, answer, context, deadline, is_timed=not explains)

    def _ask(
        self, question: Question, inputs: Tensors, context: RequestContext, deadline: float
    ) -> Awaitable[Answer]:
        if question.signature == EXPLAIN_SIGNATURE:
            return self._explain(question, inputs, context, deadline)
        running = self._release_of(question.ref, context)
        context.enter(metrics.QUEUE)
        if running is None:
            return self._batcher.predict(question, inputs, context, deadline=deadline)
        batcher = self._beside if context.route == metrics.CANDIDATE else self._batcher
        answer = batcher.predict(question, inputs, context, deadline=deadline)
        return self._watched(running, answer, context, deadline)

    async def _explain(
        self, question: Question, inputs: Tensors, context: RequestContext, deadline: float
    ) -> Answer:
        with self._explaining():
            running = self._release_of(question.ref, context)
            context.enter(metrics.QUEUE)
            answer = self._beside.predict(question, inputs, context, deadline=deadline)
            if running is None:
                return await answer
            return await self._watched(running, answer, context, deadline, is_timed=False)

    @contextmanager
    def _explaining(self) -> Iterator[None]:
        """Ask why within; how long that takes says nothing of how long answers do.

        Raises:
            Overloaded: others are being told why, and answers come first.
        """
        if self._num_explained >= max(1, int(_EXPLAINED_PLACES * self.limit.limit)):
            self.limit.count_refusal(metrics.SHED_BY_LIMIT)
            raise self.limit.overloaded()
        self._num_explained += 1
        try:
            yield
        finally:
            self._num_explained -= 1

    def _release_of(self, ref: ModelRef, context: RequestContext) -> Running | None:
        """Return the release that has chosen the version; None if nothing is to be judged.

        By now it may be another release, in which the version has another part, or none.
        """
        if context.route is None or context.route == metrics.PINNED:
            return None
        running = self._router.running.get(self.limit.model)
        if running is None or running.versions.get(context.route) != ref.version:
            return None
        return running

    async def _watched(
        self,
        running: Running,
        answer: Awaitable[T],
        context: RequestContext,
        deadline: float,
        *,
        is_timed: bool = True,
    ) -> T:
        """Let the release know what comes of a request that one of its versions is asked.

        Unless it `is_timed`, it takes longer than requests do.
        """
        route, began = context.route or metrics.STABLE, time.monotonic()
        is_tried = route == metrics.CANDIDATE

        def observe(*, failed: bool) -> None:
            seconds = time.monotonic() - began if is_timed else None
            running.observe(route, failed=failed, seconds=seconds)

        self._num_tried += is_tried
        try:
            found = await answer
        except asyncio.CancelledError:
            # Who leaves before the time is up says nothing of the version.
            if time.monotonic() >= deadline - _ROUNDING_SECONDS:
                observe(failed=True)
            raise
        except Overloaded:
            raise
        except TfgateError:
            observe(failed=True)
            raise
        finally:
            self._num_tried -= is_tried
        # A model may mean NaN; but not its next version, where this one gives a number.
        failed = isinstance(found, Answer) and not are_finite(found.outputs)
        observe(failed=failed)
        if failed and is_tried:
            message = "the candidate answered with values that are no finite numbers"
            raise PredictionFailed(message)
        return found

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
        elif question.signature == EXPLAIN_SIGNATURE and self._declared is not None:
            # Whose explanation a row is, the file of a typed model takes for granted.
            num_rows = len(next(iter(inputs.values())))
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

    Those that it may lack are left out where they are missing. `num_rows` is None if there is no
    batch.

    Raises:
        PredictionFailed: one is missing, or has another dtype, shape or number of rows.
    """
    names = wanted or signature.outputs
    for name in names:
        spec, array = signature.outputs[name], outputs.get(name)
        if array is None and name in signature.optional_outputs:
            continue
        if array is None:
            message = f"the model server left out the output {name}"
            raise PredictionFailed(message)
        has_rows = num_rows is None or array.shape[:1] == (num_rows,)
        if not has_rows or not spec.admits(array.shape) or array.dtype != spec.numpy_dtype:
            message = f"the model server answered {name} as {array.dtype}{list(array.shape)}"
            raise PredictionFailed(f"{message}; the signature promises {spec}")
    return {name: outputs[name] for name in names if name in outputs}


def are_finite(outputs: Tensors) -> bool:
    """Tell whether no output has NaN or infinity."""
    return all(
        bool(np.isfinite(array).all()) for array in outputs.values() if array.dtype.kind == "f"
    )


def check_numbers(outputs: Tensors) -> None:
    """See that every number is one.

    Raises:
        PredictionFailed: an output has NaN or infinity.
    """
    for name, array in outputs.items():
        if not are_finite({name: array}):
            message = f"the model server answered {name} with values that are no finite numbers"
            raise PredictionFailed(message)
