"""The Open Inference Protocol over HTTP: which path is answered how."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

import orjson
from starlette.types import Receive, Scope, Send

from serving.contract import Tensors
from serving.errors import (
    InvalidInput,
    MethodNotAllowed,
    ModelServerUnavailable,
    ModelUnavailable,
    NotFound,
    ShuttingDown,
    TfgateError,
    Unimplemented,
)
from serving.gateway.dialects.calls import Call, Calls
from serving.gateway.dialects.open_inference import metadata, states
from serving.gateway.dialects.open_inference.timeouts import predict_within
from serving.gateway.dialects.open_inference.versions import version_number
from serving.gateway.dialects.open_inference_http import answers
from serving.gateway.dialects.open_inference_http.examples import example_request
from serving.gateway.dialects.open_inference_http.requests import InferAsked, parse
from serving.gateway.inference.client import Answer
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE, ModelRef
from serving.gateway.middleware.draining import is_draining
from serving.gateway.problems import error_headers

# The event loop, which serves everybody, is not held up by larger ones.
_MAX_BYTES_ON_LOOP = 2**18
_MAX_EXAMPLE = 2_000  # characters
_MODEL = r"/v2/models/(?P<model>[^/]+)(?:/versions/(?P<version>[^/]+))?"
_JSON = [(b"content-type", b"application/json")]
_HOW_TO_LOAD = (
    "The model server follows its folders and its models.config: put a version's folder there."
)

T = TypeVar("T")
# What is answered: status, content, and headers of it.
Reply = tuple[int, bytes, answers.HeaderLines]
Handler = Callable[[Call, Scope, re.Match[str]], Awaitable[Reply]]


class OpenInferenceHttp:
    """The ASGI application of the dialect."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = [
            (method, re.compile(path), handler)
            for method, path, handler in [
                ("POST", f"{_MODEL}/infer", self._infer),
                ("GET", f"{_MODEL}/ready", self._model_ready),
                ("GET", _MODEL, self._model_metadata),
                ("GET", "/v2/health/live", self._server_live),
                ("GET", "/v2/health/ready", self._server_ready),
                ("GET", "/v2/?", self._server_metadata),
                ("POST", "/v2/repository/index", self._index),
                ("POST", "/v2/repository/models/[^/]+/(?:un)?load", self._load),
            ]
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            TfgateError: it is refused, or cannot be answered.
        """
        handler, found = self._route(scope)
        with self._calls.begin(scope, receive) as call:
            status, content, headers = await handler(call, scope, found)
        said = [(b"content-length", b"%d" % len(content)), *headers]
        await send({"type": "http.response.start", "status": status, "headers": said})
        await send({"type": "http.response.body", "body": content})

    def _route(self, scope: Scope) -> tuple[Handler, re.Match[str]]:
        # As everywhere else; a server leaves the body out.
        asked = "GET" if scope["method"] == "HEAD" else scope["method"]
        for method, path, handler in self._routes:
            found = path.fullmatch(scope["path"])
            if found is None:
                continue
            if asked != method:
                message = f"{asked} is not allowed on {scope['path'][:200]}"
                raise MethodNotAllowed(message, allowed="GET, HEAD" if method == "GET" else method)
            return handler, found
        message = f"nothing of the Open Inference Protocol lives at {scope['path'][:200]}"
        raise NotFound(message)

    async def _server_metadata(self, _call: Call, _scope: Scope, _found: re.Match[str]) -> Reply:
        return _json(asdict(metadata.SERVER))

    async def _server_live(self, _call: Call, _scope: Scope, _found: re.Match[str]) -> Reply:
        return _json({"live": True})

    async def _server_ready(self, _call: Call, scope: Scope, _found: re.Match[str]) -> Reply:
        try:
            await self._calls.check_ready(scope)
        except (ShuttingDown, ModelUnavailable, ModelServerUnavailable) as error:
            return _not_ready({}, error)
        return _json({"ready": True})

    async def _model_ready(self, call: Call, scope: Scope, found: re.Match[str]) -> Reply:
        ref = model_ref(found["model"], found["version"])
        named = {"name": ref.name}
        await call.find(ref.name)
        if is_draining(scope):
            return _not_ready(named, ShuttingDown("the gateway is shutting down"))
        try:
            if ref.label is not None:
                await call.live(ref)
                return _json({**named, "ready": True})
            state = await self._calls.monitor.look_at(ref.name)
        except ModelUnavailable as error:
            return _not_ready(named, error)
        if states.is_ready(state, ref.version):
            return _json({**named, "ready": True})
        reason = state.missing or f"{ref} is not ready"
        return _not_ready(named, ModelUnavailable(reason))

    async def _model_metadata(self, call: Call, _scope: Scope, found: re.Match[str]) -> Reply:
        ref = model_ref(found["model"], found["version"])
        live = await call.live(ref)
        versions = await self._calls.catalog.versions(ref.name)
        return _json(asdict(metadata.model_metadata(live, versions)))

    async def _index(self, call: Call, _scope: Scope, _found: re.Match[str]) -> Reply:
        only_ready = _only_ready(await call.read())
        entries = states.index(await self._calls.monitor.look(), only_ready=only_ready)
        return _json([asdict(entry) for entry in entries])

    async def _load(self, _call: Call, scope: Scope, _found: re.Match[str]) -> Reply:
        what = scope["path"].rpartition("/")[2]
        message = f"models are not {what}ed from here"
        raise Unimplemented(message, hint=_HOW_TO_LOAD)

    async def _infer(self, call: Call, _scope: Scope, found: re.Match[str]) -> Reply:
        ref = model_ref(found["model"], found["version"])
        await call.find(ref.name)
        body = await call.read()
        headers = call.context.headers
        with await call.asking(ref) as model:
            live = await model.live()
            try:
                asked = await _in_turn(len(body), parse, body, headers, live)
                answer = await predict_within(asked.timeout_seconds, model, asked)
            except InvalidInput as error:
                raise _with_example(error, live) from error
        content, said = await _in_turn(
            _num_bytes(answer.outputs), _write, asked, answer, ref.name, call.context.request_id
        )
        coding = answers.coding_asked_for(headers)
        if coding is not None:
            content = await _in_turn(len(content), answers.compress, content, coding)
            said = [*said, (b"content-encoding", coding)]
        return 200, content, said


def model_ref(name: str, version: str | None) -> ModelRef:
    """Return what a path names: a version is a number, or else a label of the model server."""
    if version is None:
        return ModelRef(name)
    number = version_number(version)
    return ModelRef(name, label=version) if number is None else ModelRef(name, version=number)


async def _in_turn(num_bytes: int, function: Callable[..., T], *arguments: Any) -> T:
    """Run a function here if it will be done at once, or else in a thread."""
    if num_bytes > _MAX_BYTES_ON_LOOP:
        return await asyncio.to_thread(function, *arguments)
    return function(*arguments)


def _num_bytes(outputs: Tensors) -> int:
    return sum(array.nbytes for array in outputs.values())


def _write(
    asked: InferAsked, answer: Answer, model: str, request_id: str
) -> tuple[bytes, answers.HeaderLines]:
    return answers.write(
        asked, answer.outputs, model=model, version=answer.version, request_id=request_id
    )


def _with_example(error: InvalidInput, live: LiveVersion) -> InvalidInput:
    """Add a request that would work; that of the usual signature."""
    signature = live.signatures.get(PREDICT_SIGNATURE)
    example = None if signature is None else example_request(PREDICT_SIGNATURE, signature)
    if example is None or len(example) > _MAX_EXAMPLE:
        return error
    # The usual hint tells where to look for what stands here.
    own = "" if error.hint == InvalidInput.hint else f"{error.hint} "
    return InvalidInput(error.detail, hint=f"{own}Accepted is: {example}", fields=error.fields)


def _only_ready(body: bytes) -> bool:
    if not body.strip():
        return False
    try:
        asked = orjson.loads(body)
    except orjson.JSONDecodeError:
        asked = None
    only_ready = asked.get("ready", False) if isinstance(asked, dict) else None
    if not isinstance(only_ready, bool):
        message = 'the body is not what an index is asked with: nothing, or {"ready": true}'
        raise InvalidInput(message, hint="")
    return only_ready


def _json(told: Any, status: int = 200) -> Reply:
    return status, orjson.dumps(told), _JSON


def _not_ready(named: dict[str, Any], error: TfgateError) -> Reply:
    # Clients look at the status, or for one of the two others.
    status, content, headers = _json({**named, "ready": False, "error": error.detail}, 503)
    said = [(name.encode(), value.encode()) for name, value in error_headers(error).items()]
    return status, content, [*headers, *said]
