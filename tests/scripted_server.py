"""A model server that fails on purpose: it stands before a real one, and passes on what no fault
is set for. Only predictions fail; states, signatures and model cards are always passed on.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from threading import Event, Lock
from typing import Any

import grpc
import numpy as np

from proto.predict_pb2 import PredictRequest, PredictResponse
from serving import tensors
from serving.gateway.inference.client import DESCRIBE_SIGNATURE

_METHODS = {
    "tensorflow.serving.PredictionService": ("Predict", "GetModelMetadata"),
    "tensorflow.serving.ModelService": ("GetModelStatus",),
}
_PREDICT = "/tensorflow.serving.PredictionService/Predict"
_NUM_THREADS = 64  # more than the calls that any test lets hang at once
_LONGEST_SECONDS = 60  # of anything that waits here


class PredictCall:
    """One prediction that was asked for, as the server sees it.

    `time_remaining` is what the caller gave it at its start, in seconds; None is for ever.
    `ended` is set when it is over: answered, past its deadline, or cancelled by the caller; `left`
    is the time that remained then.
    """

    def __init__(self, request: PredictRequest, context: Any, upstream: Any) -> None:
        self.request = request
        self.context = context
        self.time_remaining: float | None = context.time_remaining()
        self.left: float | None = None
        self.ended = Event()
        self._upstream = upstream
        if not context.add_callback(self._end):
            self._end()

    def _end(self) -> None:
        self.left = self.context.time_remaining()
        self.ended.set()

    @property
    def num_rows(self) -> int:
        """How many rows it carries."""
        return int(next(iter(self.request.inputs.values())).tensor_shape.dim[0].size)

    def column(self, name: str) -> list[Any]:
        """Return one input of every row."""
        column: list[Any] = tensors.decode(self.request.inputs[name]).tolist()
        return column

    def forward(self) -> PredictResponse:
        """Have it answered by the real server; what that refuses, is refused."""
        try:
            answer: bytes = self._upstream(
                self.request.SerializeToString(), timeout=_LONGEST_SECONDS
            )
        except grpc.RpcError as error:
            self.refuse(error.code(), error.details())
        return PredictResponse.FromString(answer)

    def refuse(self, code: Any, details: str) -> None:
        """End it with a status."""
        self.context.abort(code, details)


Fault = Callable[[PredictCall], PredictResponse]


class ScriptedServer:
    """Predictions by model go through its fault, if it has one; `calls` are those that came."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.faults: dict[str, Fault] = {}
        self.calls: list[PredictCall] = []

    def forget(self) -> None:
        """Answer everything again, and begin the list of calls anew."""
        self.faults.clear()
        self.calls.clear()

    def answer(self, request: PredictRequest, context: Any, upstream: Any) -> PredictResponse:
        """Answer a prediction by its model's fault, or as the real server does."""
        call = PredictCall(request, context, upstream)
        self.calls.append(call)
        return self.faults.get(request.model_spec.name, PredictCall.forward)(call)


@contextmanager
def scripted_server(real_server: str) -> Iterator[ScriptedServer]:
    """Serve what the server at an address serves; on leaving, whatever still hangs is cancelled."""
    server = grpc.server(
        ThreadPoolExecutor(_NUM_THREADS),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    scripted = ScriptedServer(f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    with grpc.insecure_channel(real_server) as channel:
        for service, names in _METHODS.items():
            handlers = {
                name: grpc.unary_unary_rpc_method_handler(
                    partial(_answer, scripted, f"/{service}/{name}", channel)
                )
                for name in names
            }
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(service, handlers),)
            )
        server.start()
        try:
            yield scripted
        finally:
            server.stop(grace=0).wait(_LONGEST_SECONDS)


def _answer(
    scripted: ScriptedServer, method: str, channel: Any, body: bytes, context: Any
) -> bytes:
    upstream = channel.unary_unary(method)
    if method == _PREDICT:
        request = PredictRequest.FromString(body)
        if request.model_spec.signature_name != DESCRIBE_SIGNATURE:
            return scripted.answer(request, context, upstream).SerializeToString()
    try:
        answer: bytes = upstream(body, timeout=_LONGEST_SECONDS)
    except grpc.RpcError as error:
        context.abort(error.code(), error.details())
    return answer


def hang(call: PredictCall) -> PredictResponse:
    """Never answer: wait until the caller gives up."""
    call.ended.wait(_LONGEST_SECONDS)
    call.refuse(grpc.StatusCode.ABORTED, "it hung")
    raise AssertionError


class Hold:
    """Keep every call back until it is told to let them all go; then they are answered.

    What comes later is not kept back. `fault` is what is done then, instead of an answer.
    """

    def __init__(self, fault: Fault = PredictCall.forward) -> None:
        self._fault = fault
        self._open = Event()

    def __call__(self, call: PredictCall) -> PredictResponse:
        self._open.wait(_LONGEST_SECONDS)
        return self._fault(call)

    def release(self) -> None:
        """Let them go."""
        self._open.set()


def fail(code: Any, details: str = "it fails on purpose") -> Fault:
    """Fail with a status."""

    def fault(call: PredictCall) -> PredictResponse:
        call.refuse(code, details)
        raise AssertionError

    return fault


def in_turn(*faults: Fault) -> Fault:
    """Apply one fault to each call, in their order; the last one stays."""
    left, lock = list(faults), Lock()

    def next_one(call: PredictCall) -> PredictResponse:
        with lock:
            fault = left.pop(0) if len(left) > 1 else left[0]
        return fault(call)

    return next_one


def if_inside(name: str, value: object, fault: Fault) -> Fault:
    """Apply a fault to the calls that carry a row whose input `name` is `value`."""

    def chosen(call: PredictCall) -> PredictResponse:
        return fault(call) if value in call.column(name) else call.forward()

    return chosen


def drop_outputs(call: PredictCall) -> PredictResponse:
    """Answer without any output."""
    answer = call.forward()
    answer.outputs.clear()
    return answer


def nan_outputs(call: PredictCall) -> PredictResponse:
    """Answer every number as NaN."""
    answer = call.forward()
    for output in answer.outputs.values():
        values = tensors.decode(output)
        if values.dtype == np.float32:
            output.CopyFrom(tensors.encode(np.full_like(values, np.nan)))
    return answer


def lose_a_row(call: PredictCall) -> PredictResponse:
    """Answer one row too few."""
    answer = call.forward()
    for output in answer.outputs.values():
        output.CopyFrom(tensors.encode(tensors.decode(output)[:-1]))
    return answer
