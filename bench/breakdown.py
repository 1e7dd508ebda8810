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

from proto.model_pb2 import ModelSpec
from proto.predict_pb2 import PredictRequest, PredictResponse
from serving import tensors
from serving.card import ModelCard
from serving.contract import Tensors, stack, unstack
from serving.gateway.api.payloads import Batch, Prediction, PredictionBatch
from serving.models import MODELS
from tests.bench.bare_call import call_milliseconds
from tests.bench.load import Target, put_load
from tests.bench.results import Piece
from tests.bench.serve import serve
from tests.bench.systems import installed_systems
from tests.bench.workloads import WORKLOADS, Workload

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
            _walk(workload, tfgate.dialect.bodies(workload)[:_NUM_REQUESTS], predict, timed)
            bodies = tfgate.dialect.write_bodies(workload, scratch / "bodies")
            target = Target(served.url, tfgate.dialect.path(workload), bodies)
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
    workload: Workload, bodies: list[str], predict: Callable[..., bytes], timed: _Pieces
) -> None:
    """Follow requests from their bytes to the bytes of their answers."""
    name, model, many = workload.model, MODELS[workload.model], workload.batch_size is not None
    request_type, answer_type = _types(name, many=many)
    card = _card(name, predict)

    def build(given: Tensors) -> PredictRequest:
        encoded = {each: tensors.encode(array) for each, array in given.items()}
        spec = ModelSpec(name=name, signature_name="serving_default")
        return PredictRequest(model_spec=spec, inputs=encoded)

    def write(predictions: list[Any]) -> bytes:
        answer = {"predictions": predictions} if many else {"prediction": predictions[0]}
        whole = answer_type(model=name, version=1, request_id=_REQUEST_ID, **answer)
        return adapter.dump_json(whole)

    adapter: TypeAdapter[Any] = TypeAdapter(answer_type)
    body_type: TypeAdapter[Any] = TypeAdapter(request_type)
    parsed = timed.time("validate", body_type.validate_json, [each.encode() for each in bodies])
    requests = [each.instances if many else [each] for each in parsed]
    rows = timed.time("preprocess", lambda each: [model.preprocess(one) for one in each], requests)
    inputs = timed.time("stack the rows", lambda each: stack(each, model.signature), rows)
    messages = timed.time("build the gRPC request", build, inputs)
    timed.time(SERIALISE, PredictRequest.SerializeToString, messages)
    responses = timed.time(PARSE, PredictResponse.FromString, [predict(each) for each in messages])
    outputs = timed.time("decode its tensors", _decode, responses)
    answered = timed.time("take the rows apart", unstack, outputs)
    predictions = timed.time(
        "postprocess",
        lambda pair: [
            model.postprocess(row, request, card) for row, request in zip(*pair, strict=True)
        ],
        zip(answered, requests, strict=True),
    )
    timed.time("serialise the answer", write, predictions)


def _types(name: str, *, many: bool) -> tuple[Any, Any]:
    """Give the classes of a body and of its answer, which are made at run time."""
    request, response = MODELS[name].request, MODELS[name].response
    if many:
        return Batch.__class_getitem__(request), PredictionBatch.__class_getitem__(response)
    return request, Prediction.__class_getitem__(response)


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
