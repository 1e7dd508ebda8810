"""What the dialects share: the way of a request from a model's name to the answer's tensors.

Who may ask, admission, the deadline, the live signature, the batcher. A dialect adds how bytes
become tensors, and tensors bytes.
"""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import numpy as np
from prometheus_client import Gauge
from starlette.types import Receive, Scope

from serving.contract import Signature, Tensors
from serving.errors import FieldError, InvalidInput
from serving.gateway.bodies import reading
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.client import Answer
from serving.gateway.inference.input_check import check_inputs
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE, ModelRef, Question
from serving.gateway.inference.monitor import ModelMonitor
from serving.gateway.inference.registry import Registry, ServedModel
from serving.gateway.middleware.request_timeout import RequestTimeout, request_timeout, too_late
from serving.gateway.settings import Settings
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext


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
        self.required_models = settings.required_models
        self._longest_seconds = settings.predict_timeout_seconds

    @contextmanager
    def begin(self, scope: Scope, receive: Receive) -> Iterator["Call"]:
        """Begin a call; within, it ends when its deadline has passed or its client has gone.

        Raises:
            InvalidInput: its headers state a deadline that cannot be read.
            DeadlineExceeded: it took too long; RequestTimeout: so did its body.
            ClientDisconnected: the client has gone.
        """
        context: RequestContext = scope["state"]["context"]
        timeout = request_timeout(context.headers, receive, longest=self._longest_seconds)
        call = Call(self, context, receive, timeout)
        try:
            with timeout:
                yield call
        except TimeoutError as error:
            raise too_late(context, timeout.seconds) from error
        finally:
            call.end()


class Call:
    """One request on its way."""

    def __init__(
        self, calls: Calls, context: RequestContext, receive: Receive, timeout: RequestTimeout
    ) -> None:
        self.context = context
        self._calls = calls
        self._receive = receive
        self._timeout = timeout
        self._found: ServedModel | None = None
        self._in_flight: Gauge | None = None

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
            self._in_flight = metrics.IN_FLIGHT.labels(name)
            self._in_flight.inc()
        return model

    def end(self) -> None:
        """Count the request as in progress no more."""
        if self._in_flight is not None:
            self._in_flight.dec()

    async def live(self, ref: ModelRef) -> LiveVersion:
        """Return the version that a reference stands for, with its signatures.

        Raises:
            UnknownModel: there is no such model.
            TfgateError: the version cannot be asked.
        """
        model = await self.find(ref.name)
        return await self._calls.catalog.live(model.inference.route(ref))

    @asynccontextmanager
    async def asking(self, ref: ModelRef) -> AsyncIterator["Asking"]:
        """Ask a model; within, it counts against the model's limit.

        Raises:
            UnknownModel: there is no such model.
            Overloaded: it is asked too much already.
        """
        model = await self.find(ref.name)
        with model.inference.limit:
            yield Asking(model, ref, self._calls.catalog, self.context, self._timeout.deadline)


class Asking:
    """A model that is being asked, at most once."""

    def __init__(
        self,
        model: ServedModel,
        ref: ModelRef,
        catalog: Catalog,
        context: RequestContext,
        deadline: float,
    ) -> None:
        self.model = model
        self.ref = ref
        self._catalog = catalog
        self._context = context
        self._deadline = deadline
        self._live: LiveVersion | None = None

    async def live(self) -> LiveVersion:
        """Return the version that will be asked, with its signatures.

        Raises:
            TfgateError: the version cannot be asked.
        """
        if self._live is None:
            self._live = await self._catalog.live(self.model.inference.route(self.ref))
        return self._live

    async def predict(self, asked: Asked) -> Answer:
        """Check the tensors, and have them answered by a signature.

        Raises:
            InvalidInput: there is no such signature or output, or the tensors do not fit.
            RejectedByModel: the graph refuses their values.
            TfgateError: they cannot be answered.
        """
        live = await self.live()
        signature = live.signature(asked.signature)
        check_wanted(asked.outputs, signature)
        apart = self._catalog.apart.get((live.model, live.version))
        is_apart = apart is not None and asked.signature in apart
        num_rows = check_inputs(asked.inputs, signature, is_apart=is_apart)
        await self._charge(num_rows)
        if signature.is_batched and num_rows == 0:
            self._context.version = live.version
            return Answer(live.version, _no_rows(signature, asked.outputs))
        question = Question(
            self._labelled(live),
            asked.signature,
            asked.outputs,
            joinable=signature.is_batched and apart is not None and not is_apart,
            promise=signature,
        )
        return await self.model.inference.predict(
            question, asked.inputs, self._context, deadline=self._deadline
        )

    async def relay(self, method: str, request: bytes, num_rows: int = 1) -> bytes:
        """Pass a call of the model server on as it came, and its answer back.

        Raises:
            TfgateError: the model server could not answer.
        """
        await self._charge(num_rows)
        self._context.enter(metrics.RPC)
        answer = await self.model.inference.relay(
            method, self.ref, request, timeout_seconds=self._deadline - time.monotonic()
        )
        self._context.enter(metrics.POSTPROCESS)
        return answer

    async def _charge(self, num_rows: int) -> None:
        self._context.num_instances = num_rows
        if self._context.charge is not None:
            await self._context.charge(num_rows)

    def _labelled(self, live: LiveVersion) -> ModelRef:
        """Return what was asked for; in the place of a label the version that it is on."""
        return self.ref if self.ref.label is None else ModelRef(live.model, live.version)


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
