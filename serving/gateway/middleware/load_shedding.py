"""Which predictions are turned away before anything is read of them: too many are inside."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import Overloaded
from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.registry import Registry
from serving.gateway.middleware.request_log import AnswerError
from serving.gateway.problems import problem_response
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import ModelAsked, new_context, request_id_in

_ID, _ROOT = "the-request-id", "the-root-path"


class LoadShedding:
    """ASGI middleware which bounds the predictions inside.

    A model's limit is only looked at here, and kept where the body has been read: a slow upload
    must not take the place of a request that could be answered meanwhile. The bound counts both.

    Nothing else is ever refused. Nor is it told in the log of requests: a refusal must cost as
    little as can be, or a crowd would be kept waiting by being sent away.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Mapping[str, ConcurrencyLimit],
        registry: Registry,
        model_asked: ModelAsked,
        answer: AnswerError,
        max_requests: int,
    ) -> None:
        """`limits` by the paths of the typed predictions that they bound.

        Of other predictions, `model_asked` tells the model, and `answer` builds the refusal.
        """
        self.app = app
        self._paths = {path: _Path(path, limit) for path, limit in limits.items()}
        self._registry = registry
        self._model_asked = model_asked
        self._answer = answer
        self._max_requests = max_requests
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = self._paths.get(scope["path"])
        if path is None:
            await self._serve_dialect(scope, receive, send)
        elif scope["method"] != "POST":
            await self.app(scope, receive, send)
        elif self._inside >= self._max_requests:
            await path.refuse(metrics.SHED_BY_BOUND, scope, send)
        elif path.limit.is_full:
            await path.refuse(metrics.SHED_BY_LIMIT, scope, send)
        else:
            path.in_flight.inc()
            try:
                await self._enter(scope, receive, send)
            finally:
                path.in_flight.dec()

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._inside += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._inside -= 1

    async def _serve_dialect(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = self._model_asked(scope)
        if name is None or scope["method"] == "GET":
            await self.app(scope, receive, send)
            return
        model = self._registry.get(name)
        if self._inside >= self._max_requests:
            error = Overloaded("more predictions are in progress than can be answered soon")
            await self._refuse(name, error, scope, receive, send)
            metrics.SHED.labels(name, metrics.SHED_BY_BOUND).inc()
        elif model is not None and model.inference.limit.is_full:
            model.inference.limit.count_refusal(metrics.SHED_BY_LIMIT)
            await self._refuse(name, model.inference.limit.overloaded(), scope, receive, send)
        else:
            await self._enter(scope, receive, send)

    async def _refuse(
        self, name: str, error: Overloaded, scope: Scope, receive: Receive, send: Send
    ) -> None:
        metrics.REQUESTS.labels(name, metrics.NO_VERSION, error.code).inc()
        context = new_context(scope, self._model_asked)
        response = self._answer(error, context, scope.get("root_path", ""))
        response.headers["X-Request-Id"] = context.request_id
        await response(scope, receive, send)


class _Path:
    """What a path's predictions are counted by, and the answer to those that are refused."""

    def __init__(self, path: str, limit: ConcurrencyLimit) -> None:
        self.limit = limit
        self.in_flight = metrics.IN_FLIGHT.labels(limit.model)
        error = limit.overloaded()
        self._refused = metrics.REQUESTS.labels(limit.model, metrics.NO_VERSION, error.code)
        response = problem_response(
            error, path=path, request_id=_ID, root_path=_ROOT, model=limit.model
        )
        self._body = bytes(response.body)
        self._status = response.status_code
        self._headers = [each for each in response.raw_headers if each[0] != b"content-length"]

    async def refuse(self, reason: str, scope: Scope, send: Send) -> None:
        self.limit.count_refusal(reason)
        self._refused.inc()
        request_id = request_id_in(dict(scope["headers"])).encode()
        body = self._body.replace(_ROOT.encode(), scope.get("root_path", "").encode())
        body = body.replace(_ID.encode(), request_id)
        headers = [
            *self._headers,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id),
        ]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
