"""Where one request's microseconds go: each piece of its way by itself, with the real classes.

What no loop can isolate is derived: a whole request over one connection, less a bare gRPC call and
less the pieces, leaves what HTTP, the shared call, limits, metrics and logs take.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import grpc
import numpy as np
from pydantic import BaseModel

from bench.bare_call import PREDICT, call_milliseconds
from bench.load import Target, put_load
from bench.questions import Question
from bench.results import Piece
from bench.serve import serve
from bench.systems import installed_systems
from bench.workloads import WORKLOADS, Workload
from serving.card import ModelCard
from serving.gateway.api.payloads import JSON, BatchPayload, Payload, SinglePayload
from serving.gateway.inference import model_ref
from serving.gateway.inference.client import predict_request, read_answer
from serving.gateway.inference.model_ref import DESCRIBE_SIGNATURE, ModelRef
from serving.models import MODELS

_REPEATS = 5
_NUM_REQUESTS = 32  # different ones, so that nothing is answered from a processor's cache
_SECONDS = 2
_REQUEST_ID = "0" * 32
_REST = "HTTP, shared call, limits, metrics, log: the rest"

InputT = TypeVar("InputT")
OutputT = TypeVar("OutputT")


def measure_pieces(scratch: Path) -> list[Piece]:
    """Time the pieces, the bare call and the whole request of every workload."""
    tfgate = installed_systems()["tfgate"]
    measured = []
    with serve(tfgate, scratch) as served, grpc.insecure_channel(served.model_server) as channel:
        predict = channel.unary_unary(PREDICT)
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
        rest = whole - bare - sum(self.microseconds.values())
        self.microseconds["gRPC and the model server"] = bare
        self.microseconds[_REST] = rest
        self.microseconds["**whole request, p50 over one connection**"] = whole


def _walk(
    workload: Workload, questions: list[Question], predict: Callable[..., bytes], timed: _Pieces
) -> None:
    """Follow requests from their bytes to the bytes of their answers."""
    name, model, many = workload.model, MODELS[workload.model], workload.batch_size is not None
    payload = BatchPayload(name, model) if many else SinglePayload(name, model)
    asked = model_ref.Question(ModelRef(name))
    card = _card(name, predict)

    requests = timed.time(
        "validate", lambda body: _parse(payload, body), [each.body for each in questions]
    )
    inputs = timed.time("preprocess", model.preprocess, requests)
    messages = timed.time(
        "write the gRPC request", lambda given: predict_request(asked, given), inputs
    )
    answered = timed.time("read the gRPC answer", read_answer, [predict(each) for each in messages])
    outputs = [each.outputs for each in answered]
    answers = timed.time(
        "postprocess",
        lambda columns: model.postprocess(*columns, card),
        zip(inputs, outputs, strict=True),
    )
    timed.time("write the answer", lambda each: payload.write(each, 1, _REQUEST_ID), answers)


def _parse(payload: Payload, body: bytes) -> Sequence[BaseModel]:
    """Run what waits for nothing, without a loop around it."""
    parsing = payload.parse({}, JSON, body)
    try:
        parsing.send(None)
    except StopIteration as ended:
        requests: Sequence[BaseModel] = ended.value
        return requests
    message = "a body of JSON is parsed at once"
    raise AssertionError(message)


def _card(name: str, predict: Callable[..., bytes]) -> ModelCard:
    """Ask the version for its card, which postprocessing looks at."""
    asked = model_ref.Question(ModelRef(name), DESCRIBE_SIGNATURE)
    message = predict_request(asked, {"request": np.array([b""], dtype=object)})
    return ModelCard.model_validate_json(read_answer(predict(message)).outputs["card"][0])
