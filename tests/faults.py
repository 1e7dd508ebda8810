"""What may go wrong with a prediction on the fake model server; a fault answers in its place."""

import asyncio

import grpc
import numpy as np

from proto.predict_pb2 import PredictResponse
from serving import tensors
from tests.fake_model_server import Fault, PredictCall, Refused


async def answer(call: PredictCall) -> PredictResponse:
    """No fault: the model answers."""
    return call.answer()


async def hang(_call: PredictCall) -> PredictResponse:
    """Never answer: wait until the deadline, or until the caller gives up."""
    await asyncio.Event().wait()
    raise AssertionError


class Hold:
    """Keep every call back until it is told to let them all go; then they are answered.

    What comes later is not kept back. `fault` is what is done then, instead of an answer.
    """

    def __init__(self, fault: Fault = answer) -> None:
        self._fault = fault
        self._open = asyncio.Event()

    async def __call__(self, call: PredictCall) -> PredictResponse | bytes:
        await self._open.wait()
        return await self._fault(call)

    def release(self) -> None:
        """Let them go."""
        self._open.set()


def fail(code: grpc.StatusCode, details: str = "it fails on purpose") -> Fault:
    """Fail with a status."""

    async def fault(_call: PredictCall) -> PredictResponse:
        raise Refused(code, details)

    return fault


def in_turn(*faults: Fault) -> Fault:
    """Apply one fault to each call, in their order; the last one stays."""
    left = list(faults)

    async def next_one(call: PredictCall) -> PredictResponse | bytes:
        return await (left.pop(0) if len(left) > 1 else left[0])(call)

    return next_one


def if_inside(name: str, value: object, fault: Fault) -> Fault:
    """Apply a fault to the calls that carry a row whose input `name` is `value`."""

    async def chosen(call: PredictCall) -> PredictResponse | bytes:
        return await fault(call) if value in call.column(name) else call.answer()

    return chosen


async def garbage(_call: PredictCall) -> bytes:
    """Answer what is no message."""
    return b"\xff\xff"


async def drop_outputs(call: PredictCall) -> PredictResponse:
    """Answer without any output."""
    response = call.answer()
    response.outputs.clear()
    return response


async def nan_outputs(call: PredictCall) -> PredictResponse:
    """Answer every number as NaN."""
    response = call.answer()
    for output in response.outputs.values():
        values = tensors.decode(output)
        if values.dtype == np.float32:
            output.CopyFrom(tensors.encode(np.full_like(values, np.nan)))
    return response


async def lose_a_row(call: PredictCall) -> PredictResponse:
    """Answer one row too few."""
    response = call.answer()
    for output in response.outputs.values():
        output.CopyFrom(tensors.encode(tensors.decode(output)[:-1]))
    return response
