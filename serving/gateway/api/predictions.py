"""Predictions: one plain ASGI application, a dictionary from path to endpoint.

FastAPI documents them (`openapi.py`), but never sees one: its layers for routing, exceptions and
dependencies have nothing to do for a prediction, and took 21 % of the requests per second when
measured. What lies around both applications is listed in `app.py`.
"""

import re
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from pydantic import BaseModel
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.contract import Model, Tensors, concatenate
from serving.errors import (
    InternalError,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    RejectedByModel,
    TfgateError,
    UnknownModel,
)
from serving.gateway.api.explained import Explained
from serving.gateway.api.payloads import BatchPayload, Payload, SinglePayload
from serving.gateway.api.schemas import choice_of
from serving.gateway.api.slow_preprocessing import SlowPreprocessing, Threads, num_threads
from serving.gateway.bodies import reading
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.model_ref import ModelRef, Question
from serving.gateway.inference.registry import Registry, ServedModel
from serving.gateway.middleware.request_timeout import request_timeout, too_late
from serving.gateway.settings import Settings
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import RequestContext

# The event loop, which serves everybody, may be held up for about as long as a call takes.
_MAX_SECONDS_ON_LOOP = 0.001
_FOLDER = "/predict/"
_PATH = re.compile(r"/predict/([^/]+)(/batch)?")


class Endpoint:
    """One path of one model: the way of a request from its bytes to the answer's bytes."""

    def __init__(
        self,
        model: Model[Any, Any],
        payload: Payload,
        served: ServedModel,
        catalog: Catalog,
        settings: Settings,
        threads: Threads,
    ) -> None:
        self.inference = served.inference
        self._explained = Explained(served, model, catalog, threads)
        self._name = served.name
        self._newest = Question(ModelRef(self._name))
        self._model = model
        self._payload = payload
        self._slow = SlowPreprocessing(model, payload.path, threads)
        self._catalog = catalog
        self._longest_seconds = settings.predict_timeout_seconds
        self._max_body_bytes = settings.max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            TfgateError: it is refused, or cannot be answered; `problems.py` says how that is told.
        """
        context: RequestContext = scope["state"]["context"]
        headers, query = context.headers, scope["query_string"]
        asked, why = self._newest, None
        if query:
            choice = choice_of(query)
            asked = Question(choice.of(self._name))
            why = self._explained if choice.explain == "true" else None
        media_type = self._payload.check(headers)
        timeout = request_timeout(headers, receive, longest=self._longest_seconds)
        try:
            with timeout:
                context.enter(metrics.READ)
                body = await reading.read(receive, headers, self._max_body_bytes)
                timeout.body_is_read = True
                context.enter(metrics.VALIDATE)
                with self.inference.limit:
                    requests = await self._payload.parse(headers, media_type, body)
                    context.num_instances = len(requests)
                    if why:
                        why.check(len(requests))
                    if context.charge is not None:
                        await context.charge(len(requests))
                    context.enter(metrics.PREPROCESS)
                    inputs = await self._preprocess(requests)
                    # From here on there are only columns: a batch's objects need not wait as well.
                    explained = requests if why else ()
                    del body, requests
                    ask = why.ask if why else self.inference.predict
                    answer = await ask(asked, inputs, context, deadline=timeout.deadline)
                    card = None
                    if self._model.reads_card:
                        key, known = (self._name, answer.version), self._catalog.cards
                        card = known[key] if key in known else await self._catalog.card(*key)
                    context.enter(metrics.POSTPROCESS)
                    answers = self._model.postprocess(inputs, answer.outputs, card)
                    if why:
                        answers = await why.add(answers, explained, inputs, answer.outputs)
        except TimeoutError as error:
            raise too_late(context, timeout.seconds) from error
        except RejectedByModel as error:
            # It has passed our own validation.
            message = f"{asked.ref} failed: INVALID_ARGUMENT"
            raise InternalError(message) from error.__cause__
        content = self._payload.write(answers, answer.version, context.request_id)
        length = b"%d" % len(content)
        said = [(b"content-length", length), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": said})
        await send({"type": "http.response.body", "body": content})

    async def _preprocess(self, requests: Sequence[BaseModel]) -> Tensors:
        estimate = self._model.preprocess_seconds
        if estimate and (seconds := estimate(requests)) > _MAX_SECONDS_ON_LOOP:
            return await self._slow(requests, seconds)
        try:
            return self._model.preprocess(requests)
        except (InvalidInput, PayloadTooLarge):
            # One of them is wrong: find out which.
            return concatenate(self._slow.one_by_one(requests))


class Predictions:
    """The ASGI application of everything below /predict/; `others` is asked for all else."""

    def __init__(self, endpoints: Mapping[str, Endpoint], others: ASGIApp) -> None:
        self._endpoints = endpoints
        self._others = others
        self._models = sorted({endpoint.inference.limit.model for endpoint in endpoints.values()})

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection event.

        Raises:
            TfgateError: there is no such endpoint.
        """
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is not None and scope["method"] == "POST":
            return endpoint(scope, receive, send)
        if scope["type"] == "http" and scope["path"].startswith(_FOLDER):
            raise self._refusal(scope)
        return self._others(scope, receive, send)

    def _refusal(self, scope: Scope) -> TfgateError:
        named = _PATH.fullmatch(scope["path"])
        path = scope.get("root_path", "") + scope["path"]
        if named is None:
            return NotFound(f"nothing lives at {path}")
        if scope["method"] != "POST":
            return MethodNotAllowed(f"{scope['method']} is not allowed on {path}", allowed="POST")
        there = ", ".join(self._models)
        return UnknownModel(f"there is no model {named[1][:100]!r}; there are {there}")


def endpoints(registry: Registry, catalog: Catalog, settings: Settings) -> dict[str, Endpoint]:
    """Build the two endpoints of each typed model, by their paths."""
    found, threads = {}, Threads(num_threads(settings.workers))
    for name, model in registry.typed.items():
        served = registry[name]
        for path, payload in [
            (f"/predict/{name}", SinglePayload(name, model)),
            (f"/predict/{name}/batch", BatchPayload(name, model)),
        ]:
            found[path] = Endpoint(model, payload, served, catalog, settings, threads)
    return found
