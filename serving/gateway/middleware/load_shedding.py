"""Which predictions are turned away before anything is read of them: too many are inside."""

from collections.abc import Awaitable, Mapping
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import Overloaded
from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.registry import Registry
from serving.gateway.middleware.request_log import AnswerError
from serving.gateway.problems import problem_response
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import ModelAsked, new_context, request_id_in

# Under this name a server finds the layer in the state that it keeps for the application, and asks
# it for room by itself: see `server/requests.py`.
DOOR = "tfgate.door"
_LET_IN = "tfgate.let-in"
_ID, _ROOT = "the-request-id", "the-root-path"


class LoadShedding:
    """ASGI middleware which bounds the predictions inside.

    A model's limit is only looked at here, and kept where the body has been read: a slow upload
    must not take the place of a request that could be answered meanwhile. The bound counts both.

    Of a typed prediction, `refuses` decides: asked by the server as soon as there is a head, or
    else here. Whom the server has let in is expected from then on, and is not asked again.

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
        self._paths = {path: PredictionPath(path, limit) for path, limit in limits.items()}
        self._targets = {path.encode(): known for path, known in self._paths.items()}
        self._registry = registry
        self._model_asked = model_asked
        self._answer = answer
        self._max_requests = max_requests
        self._inside = self._expected = 0

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection event.

        Here and in the layers of which nothing is left to do afterwards, an application is called
        and not awaited: with three coroutines less, and stages that are added up once at the end,
        a house took 10 % fewer instructions when measured (638,000 of 710,000).
        """
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                scope.setdefault("state", {})[DOOR] = self
            return self.app(scope, receive, send)
        path = self._paths.get(scope["path"])
        if path is None:
            return self._serve_dialect(scope, receive, send)
        if scope["method"] != "POST":
            return self.app(scope, receive, send)
        if scope.get("state", {}).pop(_LET_IN, False):
            self._expected -= 1
            path.expected -= 1
        elif self.refuses(path):
            root_path = scope.get("root_path", "").encode()
            return path.send_refusal(dict(scope["headers"]), root_path, send)
        return self._serve(path, scope, receive, send)

    def path_of(self, target: bytes, root_path: bytes) -> "PredictionPath | None":
        """Find the typed prediction that a request's target names, as most clients write it.

        `root_path` may have been left on it.
        """
        return self._targets.get(target.partition(b"?")[0].removeprefix(root_path))

    def refuses(self, path: "PredictionPath") -> bool:
        """Tell whether there is no room for one more request, and count it then as refused."""
        if self._inside + self._expected >= self._max_requests:
            path.count_refusal(metrics.SHED_BY_BOUND)
            return True
        # Without those that are expected, a burst would be let in as a whole.
        if path.limit.room <= path.expected:
            path.count_refusal(metrics.SHED_BY_LIMIT)
            return True
        return False

    def let_in(self, path: "PredictionPath", state: dict[str, Any]) -> None:
        """Expect a request that was not refused, and whose scope, with this state, comes soon."""
        state[_LET_IN] = True
        self._expected += 1
        path.expected += 1

    async def _serve(
        self, path: "PredictionPath", scope: Scope, receive: Receive, send: Send
    ) -> None:
        path.in_flight.inc()
        self._inside += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._inside -= 1
            path.in_flight.dec()

    async def _serve_dialect(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = self._model_asked(scope)
        if name is None or scope["method"] == "GET":
            await self.app(scope, receive, send)
            return
        model = self._registry.get(name)
        if self._inside + self._expected >= self._max_requests:
            error = Overloaded("more predictions are in progress than can be answered soon")
            await self._refuse(name, error, scope, receive, send)
            metrics.SHED.labels(name, metrics.SHED_BY_BOUND).inc()
        elif model is not None and model.inference.limit.room <= 0:
            model.inference.limit.count_refusal(metrics.SHED_BY_LIMIT)
            await self._refuse(name, model.inference.limit.overloaded(), scope, receive, send)
        else:
            self._inside += 1
            try:
                await self.app(scope, receive, send)
            finally:
                self._inside -= 1

    async def _refuse(
        self, name: str, error: Overloaded, scope: Scope, receive: Receive, send: Send
    ) -> None:
        metrics.REQUESTS.labels(name, metrics.NO_VERSION, error.code).inc()
        context = new_context(scope, self._model_asked)
        response = self._answer(error, context, scope.get("root_path", ""))
        response.headers["X-Request-Id"] = context.request_id
        await response(scope, receive, send)


class PredictionPath:
    """What a path's predictions are counted by, and the answer to those that are refused.

    `expected` are on their way from the server to the limit.
    """

    def __init__(self, path: str, limit: ConcurrencyLimit) -> None:
        self.limit = limit
        self.expected = 0
        self.in_flight = metrics.IN_FLIGHT.labels(limit.model)
        error = limit.overloaded()
        self._refused = metrics.REQUESTS.labels(limit.model, metrics.NO_VERSION, error.code)
        response = problem_response(
            error, path=path, request_id=_ID, root_path=_ROOT, model=limit.model
        )
        self._body = bytes(response.body)
        self._status = response.status_code
        self._headers = [each for each in response.raw_headers if each[0] != b"content-length"]
        self._lines = b"".join(b"%b: %b\r\n" % header for header in self._headers)

    def count_refusal(self, reason: str) -> None:
        """Count a request that is refused; `reason` is one of metrics.SHED_REASONS."""
        self.limit.count_refusal(reason)
        self._refused.inc()

    def refusal(self, headers: Mapping[bytes, bytes], root_path: bytes) -> bytes:
        """Return what is told to a request with these headers: header lines, and the body."""
        request_id = request_id_in(headers).encode()
        body = self._told(request_id, root_path)
        end = b"content-length: %d\r\nx-request-id: %b\r\n\r\n" % (len(body), request_id)
        return self._lines + end + body

    async def send_refusal(
        self, asked: Mapping[bytes, bytes], root_path: bytes, send: Send
    ) -> None:
        """Tell it over ASGI."""
        request_id = request_id_in(asked).encode()
        body = self._told(request_id, root_path)
        headers = [
            *self._headers,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id),
        ]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _told(self, request_id: bytes, root_path: bytes) -> bytes:
        body = self._body.replace(_ROOT.encode(), root_path)
        return body.replace(_ID.encode(), request_id)
