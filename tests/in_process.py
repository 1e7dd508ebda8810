"""The gateway in the test's own process, in front of a fake model server: no port, no other thread.

Its event loop runs only while a test asks it or waits for it, so that a test decides what comes
after what. What a server before it does, such as reading HTTP, takes a real one: `tests/stack.py`.
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import unquote

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.types import ASGIApp, Message, Scope

from serving.gateway.app import create_app
from serving.gateway.inference.channel import OpenChannel, open_channel
from serving.gateway.middleware.draining import DRAINING
from serving.gateway.server.grpc_as_http import Reply, ask, new_scope
from serving.gateway.settings import Settings
from serving.typed_models import load_models
from tests.fake_model_server import FakeModelServer
from tests.fake_models import declared_models
from tests.visitor import Answer

_LONGEST_SECONDS = 60  # of anything that is waited for; it comes much sooner, or is a failure
_PAUSE_SECONDS = 0.001  # between two looks at what is waited for

T = TypeVar("T")


class Gateway:
    """A running gateway; `client` asks it one request after the other, `ask` several at once.

    `server` is the fake behind it, if there is one.
    """

    def __init__(self, app: ASGIApp, runner: asyncio.Runner, server: FakeModelServer) -> None:
        self.server = server
        self.client = httpx.Client(transport=_Transport(self), base_url="http://gateway")
        self._app = app
        self._state: dict[str, Any] = {}
        self._runner = runner

    def drain(self) -> None:
        """Let the gateway wind down, as after SIGTERM."""
        self._state[DRAINING] = True

    def ask(
        self,
        path: str,
        document: Any,
        headers: Mapping[str, str] | None = None,
        *,
        withheld: int = 0,
    ) -> "Visitor":
        """Begin a POST without waiting for its answer.

        `withheld` is the number of bytes at the body's end that are kept back until `finish`.
        """
        body = json.dumps(document).encode()
        request = self.client.build_request(
            "POST",
            path,
            content=body,
            headers={"Content-Type": "application/json", **(headers or {})},
        )
        visitor = Visitor(self, request)
        cut = len(body) - withheld
        visitor.send(body[:cut], more=withheld > 0)
        visitor.withheld = body[cut:]
        return visitor

    async def calling(
        self, path: str, message: bytes, metadata: Mapping[str, str] | None = None
    ) -> Reply:
        """Make a call of gRPC, as the gRPC port hands it to the gateway."""
        headers = [(name.encode(), value.encode()) for name, value in (metadata or {}).items()]
        scope = {**new_scope("GRPC", path), "headers": headers, "state": dict(self._state)}
        return await ask(self._app, scope, message)

    def call(self, path: str, message: bytes, metadata: Mapping[str, str] | None = None) -> Reply:
        """Make a call of gRPC, and wait for its answer."""
        return self.run(self.calling(path, message, metadata))

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Let the gateway work until something has come about; the condition may ask it."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not come within {_LONGEST_SECONDS} s"
            self.run(asyncio.sleep(_PAUSE_SECONDS))

    def wait_for_calls(self, number: int) -> None:
        """Let the gateway work until it has made so many calls."""
        self.wait_until(lambda: len(self.server.calls) == number, f"call {number}")

    def wait_until_inside(self, number: int) -> None:
        """Let the gateway work until so many predictions are in progress."""
        what = f"{number} requests in progress"
        self.wait_until(lambda: reading("tfgate_requests_in_flight") == number, what)

    def wait_until_ready(self) -> None:
        """Let the gateway work until every model can be asked."""
        self.wait_until(lambda: not self.missing(), "readiness")

    def missing(self) -> dict[str, str]:
        """Return what readiness says of each model that cannot be asked."""
        document: dict[str, Any] = self.client.get("/readyz").json()
        if "missing" in document:
            return dict(document["missing"])
        return {error["field"]: error["message"] for error in document["errors"]}

    def run(self, awaitable: Awaitable[T]) -> T:
        """Let the gateway work until something has ended."""

        async def wait() -> T:
            return await awaitable

        return self._runner.run(wait())

    def begin(self, scope: Scope, receive: Any, send: Any) -> "asyncio.Task[None]":
        """Hand the application a request; it is worked on when the loop runs."""

        async def serve() -> None:
            await self._app({**scope, "state": dict(self._state)}, receive, send)

        return self._runner.get_loop().create_task(serve())


class Visitor:
    """One request, as a server hands it to the gateway; it may leave or dawdle."""

    def __init__(self, gateway: Gateway, request: httpx.Request) -> None:
        self.withheld = b""
        self._gateway = gateway
        self._request = request
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._head: Message = {}
        self._body = b""
        self._left = False
        self._task = gateway.begin(_scope(request), self._incoming.get, self._take)

    def __enter__(self) -> "Visitor":
        return self

    def __exit__(self, *_: object) -> None:
        if not self._answered.is_set():
            self.leave()

    def send(self, body: bytes, *, more: bool) -> None:
        """Send a piece of the body."""
        self._incoming.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def finish(self) -> None:
        """Send what was withheld."""
        self.send(self.withheld, more=False)

    def leave(self) -> None:
        """Close the connection, answered or not."""
        self._left = True
        self._incoming.put_nowait({"type": "http.disconnect"})

    def response(self) -> httpx.Response:
        """Wait for the answer."""
        self._gateway.run(asyncio.wait_for(self._task, _LONGEST_SECONDS))
        assert self._answered.is_set(), "there was no answer"
        return httpx.Response(
            self._head["status"],
            headers=self._head["headers"],
            content=self._body,
            request=self._request,
        )

    def answer(self) -> Answer:
        """Wait for an answer of JSON."""
        response = self.response()
        return Answer(response.status_code, response.headers, response.json())

    async def _take(self, message: Message) -> None:
        if self._left:
            return
        if message["type"] == "http.response.start":
            self._head = message
            return
        # A server leaves the body out of an answer to HEAD.
        if self._request.method != "HEAD":
            self._body += message.get("body", b"")
        if not message.get("more_body", False):
            self._answered.set()
            self._incoming.put_nowait({"type": "http.disconnect"})


class _Transport(httpx.BaseTransport):
    """Lets an httpx client ask the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        visitor = Visitor(self._gateway, request)
        for piece in request.stream:  # type: ignore[union-attr]  # a sync client's are sync
            visitor.send(piece, more=True)
        visitor.send(b"", more=False)
        return visitor.response()


def _scope(request: httpx.Request) -> Scope:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.url.raw_path.partition(b"?")[0].decode()),
        "raw_path": request.url.raw_path,
        "query_string": request.url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "client": ("127.0.0.1", 50_000),
        "server": ("gateway", 80),
        "state": {},
    }


@contextmanager
def gateway(server: FakeModelServer | None = None, **settings: Any) -> Iterator[Gateway]:
    """Run a gateway until the context ends; unless one is given, it has a server of its own."""
    server = server or declared_models()
    with _running(server.open_channel, settings) as (app, runner):
        yield Gateway(app, runner, server)


@contextmanager
def gateway_to(target: str, **settings: Any) -> Iterator[Gateway]:
    """Run a gateway that calls a model server over gRPC; until the context ends."""
    with _running(open_channel, {"model_server": target, **settings}) as (app, runner):
        yield Gateway(app, runner, FakeModelServer({}))


@contextmanager
def _running(
    channel: OpenChannel, settings: dict[str, Any]
) -> Iterator[tuple[ASGIApp, asyncio.Runner]]:
    with pytest.MonkeyPatch.context() as environment, asyncio.Runner() as runner:
        for name in [name for name in os.environ if name.startswith("TFGATE_")]:
            environment.delenv(name)
        given = Settings(**settings)
        models = load_models(given.models_path)
        app = create_app(given, models=models, open_channel=channel)
        with _started(app, runner):
            yield app, runner


@contextmanager
def _started(app: ASGIApp, runner: asyncio.Runner) -> Iterator[None]:
    """Tell an application that it starts and that it stops, as ASGI's lifespan has it."""
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    outgoing: asyncio.Queue[Message] = asyncio.Queue()

    async def live() -> None:
        await app({"type": "lifespan", "asgi": {}, "state": {}}, incoming.get, outgoing.put)

    async def tell(what: str) -> None:
        incoming.put_nowait({"type": f"lifespan.{what}"})
        assert await outgoing.get() == {"type": f"lifespan.{what}.complete"}

    life = runner.get_loop().create_task(live())
    runner.run(tell("startup"))
    try:
        yield
    finally:
        runner.run(tell("shutdown"))
        runner.run(asyncio.wait_for(life, _LONGEST_SECONDS))


def reading(name: str, **labels: str) -> float:
    """Return the sum of a metric's samples that have these labels, whatever others they have.

    Metrics are the process's: they go on from test to test, and what counts is what `grown` says.
    """
    samples = [
        sample.value
        for metric in REGISTRY.restricted_registry([name]).collect()
        for sample in metric.samples
        if labels.items() <= sample.labels.items()
    ]
    assert samples, f"there is no {name} with {labels}"
    return sum(samples)


def growth(name: str, **labels: str) -> Callable[[], float]:
    """Return what tells, at any later time, by how much a metric has grown since now."""
    before = reading(name, **labels)
    return lambda: reading(name, **labels) - before
