"""One request, over HTTP or gRPC, for checks before the load; the load has its own programs."""

from collections.abc import Mapping
from dataclasses import dataclass

import grpc
import httpx

from bench.questions import Question

GRPC = "grpc://"


class NoAnswer(Exception):
    """Nobody answered, or with an error."""


@dataclass(frozen=True)
class Reply:
    """A good answer; the names of its headers are in lower case."""

    body: bytes
    headers: Mapping[str, str]


def ask(url: str, path: str, question: Question, *, seconds: float) -> Reply:
    """Ask and wait for the answer.

    Raises:
        NoAnswer: there is none, or it is an error.
    """
    if url.startswith(GRPC):
        return _call(url.removeprefix(GRPC), path, question, seconds)
    try:
        answer = httpx.post(
            f"{url}{path}",
            content=question.body,
            headers=dict(question.headers),
            timeout=seconds,
            verify=False,  # noqa: S501  # this machine's; loading certificates takes longer
        )
    except httpx.TransportError as error:
        raise NoAnswer(str(error)) from error
    if answer.status_code != 200:
        message = f"status {answer.status_code}: {answer.text[:500]}"
        raise NoAnswer(message)
    return Reply(answer.content, answer.headers)


def _call(address: str, method: str, question: Question, seconds: float) -> Reply:
    with grpc.insecure_channel(address) as channel:
        call = channel.unary_unary(method, request_serializer=None, response_deserializer=None)
        try:
            return Reply(call(question.body, timeout=seconds), {})
        except grpc.RpcError as error:
            raise NoAnswer(str(error)) from error
