"""Examples as their readers use them: command lines taken apart, and programs run."""

import json
import shlex
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from proto.open_inference_pb2 import ModelInferRequest


@dataclass(frozen=True)
class HttpRequest:
    """What curl would send."""

    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class GrpcCall:
    """What a client would call: the message as it stands on the wire."""

    address: str
    path: str
    message: bytes
    metadata: list[tuple[str, str]]


def http_request(command: str) -> HttpRequest:
    """Read a command line of curl's, whatever is piped into it."""
    words, given = _words_and_input(command)
    if "-o" in words:
        words[words.index("-o") : words.index("-o") + 2] = []
    assert words.pop(0) == "curl"
    url = words.pop(0)
    options = list(zip(words[::2], words[1::2], strict=True))
    headers = dict(value.split(": ", 1) for option, value in options if option == "-H")
    [data] = [value for option, value in options if option in ("-d", "--data-binary")]
    return HttpRequest(url, headers, given if data == "@-" else data.encode())


def grpcurl_call(command: str) -> GrpcCall:
    """Read a command line of grpcurl's, whatever is piped into it."""
    words, given = _words_and_input(command)
    assert words[:2] == ["grpcurl", "-plaintext"]
    address, path = words[-2:]
    options = list(zip(words[2:-2:2], words[3:-2:2], strict=True))
    [data] = [value for option, value in options if option == "-d"]
    metadata = [tuple(value.split(": ", 1)) for option, value in options if option == "-H"]
    document = json.loads(given if data == "@" else data)
    message = json_format.ParseDict(document, ModelInferRequest())
    lower = [(name.lower(), value) for name, value in metadata]
    return GrpcCall(address, f"/{path}", message.SerializeToString(), lower)


def program_call(code: str, monkeypatch: pytest.MonkeyPatch) -> GrpcCall:
    """Run a program in Python, and catch the one call that it makes."""
    calls: list[GrpcCall] = []

    class Channel:
        def __init__(self, address: str) -> None:
            self._address = address

        def unary_unary(self, path: str, request_serializer: Any, **_: object) -> Any:
            def call(request: Any, timeout: float, metadata: Any = ()) -> None:
                message = request_serializer(request)
                calls.append(GrpcCall(self._address, path, message, list(metadata)))

            return call

    with monkeypatch.context() as patch:
        patch.setattr(grpc, "insecure_channel", Channel)
        exec(compile(code, "example", "exec"), {})  # noqa: S102  # it is ours
    [call] = calls
    return call


def _words_and_input(command: str) -> tuple[list[str], bytes]:
    """Split a command line; return its last command, and what the one before it prints."""
    words = shlex.split(command)
    if "|" not in words:
        return words, b""
    bar = words.index("|")
    program, *arguments = words[:bar]
    assert program == "python3"
    made = subprocess.run([sys.executable, *arguments], capture_output=True, check=True, timeout=60)
    return words[bar + 1 :], made.stdout
