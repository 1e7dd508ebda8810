"""Clients that ask for houses as those of TensorFlow Serving and of Open Inference do."""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
import httpx

from bench.ask import Reply
from bench.dialects import OPEN_INFERENCE, TF_SERVING, TFGATE, Answer, Dialect
from bench.grpc_dialects import OPEN_INFERENCE_GRPC, TF_SERVING_GRPC
from bench.workloads import WORKLOADS
from proto.open_inference_pb2 import ModelInferResponse
from proto.predict_pb2 import PredictResponse
from soak.clients import TIMEOUT_SECONDS, Outcome
from soak.questions import Question
from tests import stack

# Each with what its answers say of the version; those of /v1 say nothing.
DIALECTS: Mapping[Dialect, Callable[[bytes], int | None]] = {
    TF_SERVING: lambda _: None,
    OPEN_INFERENCE: lambda body: int(json.loads(body)["model_version"]),
    OPEN_INFERENCE_GRPC: lambda body: int(ModelInferResponse.FromString(body).model_version),
    TF_SERVING_GRPC: lambda body: PredictResponse.FromString(body).model_spec.version.value,
}
_HOUSE = WORKLOADS["house"]
_PAUSE_SECONDS = 0.05  # they leave the servers most of a small machine
_PRICES = ("price", "price_low", "price_high")
_VERSION = "x-model-version"
_Send = Callable[[Dialect, bytes], tuple[int, Reply]]


@contextmanager
def asking_otherwise(
    url: str, grpc_address: str, questions: Sequence[Question]
) -> Iterator[dict[str, list[Outcome]]]:
    """Put a client of each dialect in front of gateways; gives what they hear, by dialect."""
    heard: dict[str, list[Outcome]] = {each.name: [] for each in DIALECTS}
    stopped = threading.Event()
    with ExitStack() as connections, ThreadPoolExecutor(len(DIALECTS)) as clients:
        http = connections.enter_context(httpx.Client(base_url=url, timeout=TIMEOUT_SECONDS))
        channel = connections.enter_context(grpc.insecure_channel(grpc_address))
        asking = [
            clients.submit(
                _ask_on,
                dialect,
                _calling(channel) if dialect.over_grpc else _posting(http),
                questions,
                heard[dialect.name],
                stopped,
            )
            for dialect in DIALECTS
        ]
        try:
            stack.wait_until(lambda: all(heard.values()), "an answer in each dialect")
            yield heard
        finally:
            stopped.set()
            for each in asking:
                each.result()


def _ask_on(
    dialect: Dialect,
    send: _Send,
    questions: Sequence[Question],
    outcomes: list[Outcome],
    stopped: threading.Event,
) -> None:
    choice = random.Random(dialect.name)  # noqa: S311 - no secret depends on it
    while not stopped.wait(_PAUSE_SECONDS):
        outcomes.append(_ask(dialect, send, choice.choice(questions)))


def _ask(dialect: Dialect, send: _Send, question: Question) -> Outcome:
    started = time.monotonic()
    status, reply = send(dialect, dialect.question(_HOUSE, question.instances).body)
    document: dict[str, Any] = {"error": reply.body}
    if status == 200:
        assert dialect.read is not None
        [told] = dialect.read(_HOUSE, dialect.decode(reply))
        # The typed API rounds all else that stands beside the prices.
        answer = {name: value for name, value in told.items() if name in _PRICES}
        version = int(reply.headers[_VERSION])
        named = DIALECTS[dialect](reply.body)
        document = {"version": version, "named": named or version, "answer": answer}
    return Outcome(question, started, time.monotonic(), status, None, document)


def _posting(client: httpx.Client) -> _Send:
    def post(dialect: Dialect, body: bytes) -> tuple[int, Reply]:
        answer = client.post(dialect.path(_HOUSE), content=body)
        return answer.status_code, Reply(answer.content, answer.headers)

    return post


def _calling(channel: grpc.Channel) -> _Send:
    def call(dialect: Dialect, body: bytes) -> tuple[int, Reply]:
        method = channel.unary_unary(dialect.path(_HOUSE))
        try:
            answer, ended = method.with_call(body, timeout=TIMEOUT_SECONDS)
        except grpc.RpcError as error:
            return 500, Reply(str(error).encode(), {})
        return 200, Reply(answer, dict(ended.trailing_metadata()))

    return call


def as_told(prediction: Any) -> Answer:
    """Read a prediction of ours as one of the other dialects is read."""
    assert TFGATE.read is not None
    [answer] = TFGATE.read(_HOUSE, {"prediction": prediction})
    return answer
