"""Calling a method over gRPC as a stub does, for any messages."""

from typing import TypeVar

import grpc
from google.protobuf.message import Message

from tests.foreign.dialects.asking import SECONDS, Refused
from tests.foreign.gateway import Gateway

ResponseT = TypeVar("ResponseT", bound=Message)


def call(gateway: Gateway, method: str, request: Message, kind: type[ResponseT]) -> ResponseT:
    """Call once.

    Raises:
        Refused: with the name of the status.
    """
    invoke = gateway.channel.unary_unary(method, response_deserializer=kind.FromString)
    try:
        response: ResponseT = invoke(request.SerializeToString(), timeout=SECONDS)
    except grpc.RpcError as error:
        raise Refused(error.code().name, error.details()) from error
    return response
