"""A client that asks in one piece, waits without a thread, and may leave or dawdle."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from types import TracebackType
from typing import Any, Self

import httpx

_LONGEST_SECONDS = 60


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: httpx.Headers
    document: dict[str, Any]

    @property
    def code(self) -> str:
        """The code of a problem."""
        code: str = self.document["code"]
        return code


class Visitor:
    """One request on a connection of its own; leaving the context closes it.

    `withheld` is the number of bytes at the body's end that are kept back until `finish`.
    """

    def __init__(
        self,
        url: str,
        path: str,
        document: Any,
        headers: Mapping[str, str] | None = None,
        *,
        withheld: int = 0,
    ) -> None:
        body = json.dumps(document).encode()
        lines = {
            "Host": "gateway",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self._withheld = body[len(body) - withheld :]
        self._socket = socket.create_connection(
            ("127.0.0.1", httpx.URL(url).port), timeout=_LONGEST_SECONDS
        )
        self._socket.sendall(
            f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body[: len(body) - withheld]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _error_type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self.leave()

    def finish(self) -> None:
        """Send what was withheld."""
        self._socket.sendall(self._withheld)

    def answer(self) -> Answer:
        """Wait for the answer, and close the connection."""
        with self._socket, HTTPResponse(self._socket, method="POST") as response:
            response.begin()
            headers = httpx.Headers(response.getheaders())
            return Answer(response.status, headers, json.loads(response.read()))

    def leave(self) -> None:
        """Close the connection, answered or not."""
        self._socket.close()
