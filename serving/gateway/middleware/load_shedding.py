"""Which predictions are turned away before anything is read of them: too many are inside."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.problems import problem_response
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import request_id_in

_ID, _ROOT = "the-request-id", "the-root-path"


class LoadShedding:
    """ASGI middleware which bounds the predictions inside.

    A model's limit is only looked at here, and kept where the body has been read: a slow upload
    must not take the place of a request that could be answered meanwhile. The bound counts both.

    Nothing else is ever refused. Nor is it told in the log of requests: a refusal must cost as
    little as can be, or a crowd would be kept waiting by being sent away.
    """

    def __init__(
        self, app: ASGIApp, *, limits: Mapping[str, ConcurrencyLimit], max_requests: int
    ) -> None:
        """`limits` by the paths of the predictions that they bound."""
        self.app = app
        self._paths = {path: _Path(path, limit) for path, limit in limits.items()}
        self._max_requests = max_requests
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        path = self._paths.get(scope["path"]) if scope["type"] == "http" else None
        if path is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
        elif self._inside >= self._max_requests:
            await path.refuse(metrics.SHED_BY_BOUND, scope, send)
        elif path.limit.is_full:
            await path.refuse(metrics.SHED_BY_LIMIT, scope, send)
        else:
            self._inside += 1
            path.in_flight.inc()
            try:
                await self.app(scope, receive, send)
            finally:
                self._inside -= 1
                path.in_flight.dec()


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
