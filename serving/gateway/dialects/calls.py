"""What the dialects share: the way of a request from a model's name to the answer's tensors.

Who may ask, admission, the deadline, the live signature, the batcher. A dialect adds how bytes
become tensors, and tensors bytes.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from prometheus_client import Gauge
from starlette.types import Receive, Scope

from serving.contract import Signature, Tensors
from serving.errors import (
    FieldError,
    InvalidInput,
    NotExplainable,
    PredictionFailed,
    TfgateError,
)
from serving.gateway.bodies import reading
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.client import Answer, rejected
from serving.gateway.inference.inference import Inference
from serving.gateway.inference.input_check import check_inputs
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.model_ref import (
    EXPLAIN_SIGNATURE,
    PREDICT_SIGNATURE,
    ModelRef,
    Question,
)
from serving.gateway.inference.monitor import ModelMonitor
from serving.gateway.inference.readiness import check_ready
from serving.gateway.inference.registry import Registry, ServedModel
from serving.gateway.middleware.draining import refuse_while_draining
from serving.gateway.middleware.request_timeout import RequestTimeout, request_timeout, too_late
from serving.gateway.settings import Settings
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext

MAX_EXPLAINED = 8  # rows of a typed model in one request: each takes as long as hundreds of answers

T = TypeVar("T")
# Writes the number of a version into a request of the model server's.
Pin = Callable[[bytes, int], bytes]


@dataclass(frozen=True)
class Asked:
    """What a dialect has understood of a request: tensors, of whatever its sender has made.

    `outputs` are the names of those that are wanted; none for all.
    """

    inputs: Tensors
    signature: str = PREDICT_SIGNATURE
    outputs: tuple[str, ...] = ()


class Calls:
    """Begins the calls of every dialect."""

    def __init__(
        self, registry: Registry, catalog: Catalog, monitor: ModelMonitor, settings: Settings
    ) -> None:
        self.registry = registry
        self.catalog = catalog
        self.monitor = monitor
        self.max_body_bytes = settings.max_body_bytes
        self._required_models = settings.required_models
        self._longest_seconds = settings.predict_timeout_seconds

    async def check_ready(self, scope: Scope) -> None:
        """See that requests may come.

        Raises:
            ShuttingDown: not for long.
            ModelUnavailable: none can be asked, or one of those that are required cannot.
            ModelServerUnavailable: nor can the model server.
        """
        refuse_while_draining(scope)
        found = await self.monitor.look()
        check_ready(found, self._required_models, takes_any=self.registry.takes_any)

    def begin(self, scope: Scope, receive: Receive) -> "Call":
        """Begin a call.

        Raises:
            InvalidInput: its headers state a deadline that cannot be read.
        """
        context: RequestContext = scope["state"]["context"]
        timeout = request_timeout(context.headers, receive, longest=self._longest_seconds)
        return Call(self, context, receive, timeout)


class Call:
    """One request on its way; within, it ends when its deadline has passed or its client has gone.

    Raises:
        DeadlineExceeded: it took too long; RequestTimeout: so did its body.
        ClientDisconnected: the client has gone.
    """

    def __init__(
        self, calls: Calls, context: RequestContext, receive: Receive, timeout: RequestTimeout
    ) -> None:
        self.context = context
        self._calls = calls
        self._receive = receive
        self._timeout = timeout
        self._found: ServedModel | None = None
        self._in_flight: Gauge | None = None

    def __enter__(self) -> Self:
        self._timeout.__enter__()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._in_flight is not None:
            self._in_flight.dec()
        try:
            self._timeout.__exit__(error_type, error, traceback)
        except TimeoutError as late:
            raise too_late(self.context, self._timeout.seconds) from late

    async def read(self) -> bytes:
        """Read the whole body, inflated.

        Raises:
            TfgateError: as `reading.read` says.
        """
        self.context.enter(metrics.READ)
        body = await reading.read(self._receive, self.context.headers, self._calls.max_body_bytes)
        self._timeout.body_is_read = True
        self.context.enter(metrics.VALIDATE)
        return body

    async def find(self, name: str) -> ServedModel:
        """Find a model that may be asked with the request's key.

        Raises:
            Forbidden: the key is not for it.
            UnknownModel: there is none.
            TfgateError: the model server, which would know, cannot be asked.
        """
        if self._found is not None and self._found.name == name:
            return self._found
        if self.context.permit is not None:
            self.context.permit(name)
        model = self._found = await self._calls.registry.find(name)
        if self.context.model is not None and self._in_flight is None:
            self.context.model = name
            self._in_flight = model.in_flight
            self._in_flight.inc()
        return model

    async def live(self, ref: ModelRef) -> LiveVersion:
        """Return the version that a reference stands for, with its signatures.

        One that names none stands for the version that answers if nothing else is tried.

        Raises:
            UnknownModel: there is no such model.
            TfgateError: the version cannot be asked.
        """
        inference = (await self.find(ref.name)).inference
        names_none = ref.version is None and ref.label is None
        routed = inference.stable() if names_none else ref
        return await _live(self._calls.catalog, inference, ref, routed, self.context)

    async def asking(self, ref: ModelRef) -> "Asking":
        """Ask a model.

        Raises:
            UnknownModel: there is no such model.
        """
        model = await self.find(ref.name)
        return Asking(model, ref, self._calls.catalog, self.context, self._timeout.deadline)


class Asking:
    """A model that is being asked, at most once; within, that counts against the model's limit.

    Raises:
        Overloaded: it is asked too much already.
        NotExplainable: it was asked why, and cannot say; the error lists who can.
    """

    def __init__(
        self,
        model: ServedModel,
        ref: ModelRef,
        catalog: Catalog,
        context: RequestContext,
        deadline: float,
        *,
        is_paid: bool = False,
    ) -> None:
        """What `is_paid` for was charged to its key before."""
        self.model = model
        self.ref = ref
        self._catalog = catalog
        self._context = context
        self._deadline = deadline
        self._live: LiveVersion | None = None
        self._is_paid = is_paid

    def __enter__(self) -> Self:
        self.model.inference.limit.__enter__()
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.model.inference.limit.__exit__(error_type, error, traceback)
        if isinstance(error, NotExplainable):
            raise self._catalog.not_explainable(error, self.model.name) from None

    async def live(self) -> LiveVersion:
        """Return the version that will be asked, with its signatures.

        Raises:
            TfgateError: the version cannot be asked.
        """
        if self._live is None:
            inference = self.model.inference
            routed = inference.route(self.ref, self._context)
            self._live = await _live(self._catalog, inference, self.ref, routed, self._context)
        return self._live

    async def predict(self, asked: Asked) -> Answer:
        """Check the tensors, and have them answered by a signature.

        Raises:
            InvalidInput: there is no such signature or output, or the tensors do not fit.
            NotExplainable: the version cannot say why.
            RejectedByModel: the graph refuses their values.
            TfgateError: they cannot be answered.
        """
        try:
            return await self._of_version(partial(self._predict, asked))
        except PredictionFailed as error:
            raise rejected(error) or error from error.__cause__

    async def relay(
        self,
        method: str,
        request: bytes,
        num_rows: int = 1,
        *,
        pin: Pin | None = None,
        signature: str = PREDICT_SIGNATURE,
    ) -> bytes:
        """Pass a call of the model server on as it came, and its answer back.

        `pin` writes the number of the version that is asked into it, so that it is known who has
        answered; a call without asks nothing of a version.

        Raises:
            InvalidInput: there are more rows than are explained.
            TfgateError: the model server could not answer.
        """
        if pin is None:
            return await self._relay(method, self.ref, request, num_rows, signature)
        return await self.relay_to_version(
            method, lambda live: pin(request, live.version), num_rows, signature=signature
        )

    async def _relay(
        self, method: str, ref: ModelRef, request: bytes, num_rows: int, signature: str
    ) -> bytes:
        self._check_explained(signature, num_rows)
        await self._charge(num_rows)
        self._context.enter(metrics.RPC)
        answer = await self.model.inference.relay(
            method, ref, request, self._context, deadline=self._deadline, signature=signature
        )
        self._context.enter(metrics.POSTPROCESS)
        return answer

    async def relay_to_version(
        self,
        method: str,
        write: Callable[[LiveVersion], bytes],
        num_rows: int,
        *,
        signature: str = PREDICT_SIGNATURE,
    ) -> bytes:
        """Make a call of the model server that `write` writes for the version that is asked.

        Raises:
            InvalidInput: there are more rows than are explained.
            TfgateError: the model server could not answer.
        """

        async def relay(live: LiveVersion) -> bytes:
            ref = ModelRef(live.model, live.version)
            answer = await self._relay(method, ref, write(live), num_rows, signature)
            self._context.version = live.version
            return answer

        return await self._of_version(relay)

    async def _of_version(self, ask: Callable[[LiveVersion], Awaitable[T]]) -> T:
        """Ask a version, and its successor, by its own signature, if it goes in this moment."""
        live = await self.live()
        try:
            return await ask(live)
        except TfgateError as error:
            failed = ModelRef(live.model, live.version)
            another = self.model.inference.instead(self.ref, failed, error, self._context)
            if another is None:
                raise
            self._live = await self._catalog.live(another)
            return await ask(self._live)

    async def _predict(self, asked: Asked, live: LiveVersion) -> Answer:
        signature = live.signature(asked.signature)
        check_wanted(asked.outputs, signature)
        apart = self._catalog.apart.get((live.model, live.version))
        is_apart = apart is not None and asked.signature in apart
        num_rows = check_inputs(asked.inputs, signature, is_apart=is_apart)
        self._check_explained(asked.signature, num_rows)
        await self._charge(num_rows)
        if signature.is_batched and num_rows == 0:
            self._context.version = live.version
            return Answer(live.version, _no_rows(signature, asked.outputs))
        # The very version whose signature was read: the newest may be another one by now.
        question = Question(
            ModelRef(live.model, live.version),
            asked.signature,
            asked.outputs,
            joinable=signature.is_batched and apart is not None and not is_apart,
            promise=signature,
        )
        return await self.model.inference.predict(
            question, asked.inputs, self._context, deadline=self._deadline
        )

    def _check_explained(self, signature: str, num_rows: int) -> None:
        if signature == EXPLAIN_SIGNATURE and self.model.typed is not None:
            check_explained(num_rows)

    async def _charge(self, num_rows: int) -> None:
        """Let the key pay, once for a request, however often its rows are sent."""
        if self._is_paid:
            return
        self._context.num_instances = num_rows
        if self._context.charge is not None:
            await self._context.charge(num_rows)
        self._is_paid = True


async def _live(
    catalog: Catalog,
    inference: Inference,
    asked: ModelRef,
    routed: ModelRef,
    context: RequestContext,
) -> LiveVersion:
    """Return the version that is asked instead of what was asked for, or the one in its place."""
    try:
        return await catalog.live(routed)
    except TfgateError as error:
        another = inference.instead(asked, routed, error, context)
        if another is None:
            raise
        return await catalog.live(another)


def check_explained(num_rows: int) -> None:
    """See that so many rows of a typed model may be explained.

    Raises:
        InvalidInput: there are too many.
    """
    if num_rows > MAX_EXPLAINED:
        message = f"{num_rows} rows are too many to be explained in one request"
        hint = f"Send {MAX_EXPLAINED} at most, or ask without explain."
        raise InvalidInput(message, hint=hint)


def check_wanted(outputs: tuple[str, ...], signature: Signature) -> None:
    """See that a signature has the outputs that are wanted, and each is named once.

    Raises:
        InvalidInput: it has not.
    """
    there = ", ".join(signature.outputs)
    for name in outputs:
        if name not in signature.outputs:
            field = FieldError("outputs", f"must be among {there}", name[:100])
            message = f"there is no output {name[:100]!r}; there are {there}"
            raise InvalidInput(message, fields=[field])
    if len(set(outputs)) < len(outputs):
        message = "an output is named twice"
        raise InvalidInput(message, fields=[FieldError("outputs", "must be named once each")])


def _no_rows(signature: Signature, outputs: tuple[str, ...]) -> Tensors:
    """Answer a batch without rows: a model server that batches never would."""
    return {
        name: np.empty((0, *signature.outputs[name].row_shape), signature.outputs[name].numpy_dtype)
        for name in outputs or signature.outputs
    }
