"""Where one request's microseconds go: each piece of its way by itself, with the real classes.

What no loop can isolate is derived: a whole request over one connection, less a bare gRPC call and
less the pieces, leaves what HTTP, the shared call, limits, metrics and logs take.
"""

import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import grpc
import numpy as np
from pydantic import TypeAdapter

from bench.bare_call import call_milliseconds
from bench.load import Target, put_load
from bench.questions import Question
from bench.results import Piece
from bench.serve import serve
from bench.systems import installed_systems
from bench.workloads import WORKLOADS, Workload
from proto.model_pb2 import ModelSpec
from proto.predict_pb2 import PredictRequest, PredictResponse
from serving import tensors
from serving.card import ModelCard
from serving.contract import Tensors
from serving.gateway.api.payloads import BatchPayload, SinglePayload
from serving.gateway.api.schemas import Batch
from serving.models import MODELS

_REPEATS = 5
_NUM_REQUESTS = 32  # different ones, so that nothing is answered from a processor's cache
_SECONDS = 2
_REQUEST_ID = "0" * 32
SERIALISE, PARSE = "serialise it", "parse the gRPC response"
_REST = "HTTP, shared call, limits, metrics, log: the rest"

InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")


def measure_pieces(scratch: Path) -> list[Piece]:
    """Time the pieces, the bare call and the whole request of every workload."""
    tfgate = installed_systems()["tfgate"]
    measured = []
    with serve(tfgate, scratch) as served, grpc.insecure_channel(served.model_server) as channel:
        predict = channel.unary_unary(
            "/tensorflow.serving.PredictionService/Predict",
            request_serializer=PredictRequest.SerializeToString,
        )
        for workload in WORKLOADS.values():
            timed = _Pieces()
            _walk(workload, tfgate.dialect.questions(workload)[:_NUM_REQUESTS], predict, timed)
            requests = tfgate.dialect.write_questions(workload, scratch / "requests")
            target = Target(served.url, tfgate.dialect.path(workload), requests)
            whole = 1e3 * put_load(target, connections=1, seconds=_SECONDS).p50_ms
            bare = 1e3 * call_milliseconds(served.model_server, workload, seconds=_SECONDS)[0]
            timed.derive(whole=whole, bare=bare)
            measured += [
                Piece(workload=workload.name, name=name, microseconds=microseconds)
                for name, microseconds in timed.microseconds.items()
            ]
    return measured


class _Pieces:
    """Times piece after piece, each on the outputs of another."""

    def __init__(self) -> None:
        self.microseconds: dict[str, float] = {}

    def time(
        self, name: str, piece: Callable[[InputT], OutputT], inputs: Iterable[InputT]
    ) -> list[OutputT]:
        """Run a piece on every input, several times; the fastest time counts."""
        kept = list(inputs)
        seconds = float("inf")
        for _ in range(_REPEATS):
            started = time.perf_counter()
            outputs = [piece(each) for each in kept]
            seconds = min(seconds, time.perf_counter() - started)
        self.microseconds[name] = 1e6 * seconds / len(kept)
        return outputs

    def derive(self, *, whole: float, bare: float) -> None:
        """Add what the pieces leave of a whole request; microseconds."""
        call = bare - self.microseconds[SERIALISE] - self.microseconds[PARSE]
        rest = whole - call - sum(self.microseconds.values())
        self.microseconds["gRPC and the model server"] = call
        self.microseconds[_REST] = rest
        self.microseconds["**whole request, p50 over one connection**"] = whole


def _walk(
    workload: Workload, questions: list[Question], predict: Callable[..., bytes], timed: _Pieces
) -> None:
    """Follow requests from their bytes to the bytes of their answers."""
    name, model, many = workload.model, MODELS[workload.model], workload.batch_size is not None
    body_type: Any = Batch.__class_getitem__(model.request) if many else model.request
    card = _card(name, predict)

    def build(given: Tensors) -> PredictRequest:
        encoded = {each: tensors.encode(array) for each, array in given.items()}
        spec = ModelSpec(name=name, signature_name="serving_default")
        return PredictRequest(model_spec=spec, inputs=encoded)

    parsed = timed.time(
        "validate", TypeAdapter(body_type).validate_json, [each.body for each in questions]
    )
    requests = [each.instances if many else [each] for each in parsed]
    inputs = timed.time("preprocess", model.preprocess, requests)
    messages = timed.time("build the gRPC request", build, inputs)
    timed.time(SERIALISE, PredictRequest.SerializeToString, messages)
    responses = timed.time(PARSE, PredictResponse.FromString, [predict(each) for each in messages])
    outputs = timed.time("decode its tensors", _decode, responses)
    answers = timed.time(
        "postprocess",
        lambda columns: model.postprocess(*columns, card),
        zip(inputs, outputs, strict=True),
    )
    payload = BatchPayload(name, model) if many else SinglePayload(name, model)
    timed.time("write the answer", lambda each: payload.write(each, 1, _REQUEST_ID), answers)


def _card(name: str, predict: Callable[..., bytes]) -> ModelCard:
    """Ask the version for its card, which postprocessing looks at."""
    request = PredictRequest(
        model_spec=ModelSpec(name=name, signature_name="describe"),
        inputs={"request": tensors.encode(np.array([b""], dtype=object))},
    )
    outputs = _decode(PredictResponse.FromString(predict(request)))
    return ModelCard.model_validate_json(outputs["card"][0])


def _decode(response: PredictResponse) -> Tensors:
    return {name: tensors.decode(tensor) for name, tensor in response.outputs.items()}
