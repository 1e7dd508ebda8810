"""The door of the gateway: which predictions are turned away before anything is read of them."""

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.gateway.inference.concurrency_limit import Limiter
from serving.gateway.problems import problem_response
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import request_id_for

_ID = "the-request-id"


class Gate:
    """ASGI middleware around everything, which bounds the predictions inside.

    A model's limit is only looked at here, and kept where the body has been read: a slow upload
    must not take the place of a request that could be answered meanwhile. The bound counts both.

    Nothing else is ever refused. Nor is it told in the log of requests: a refusal must cost as
    little as can be, or a crowd would be kept waiting by being sent away.
    """

    def __init__(self, app: ASGIApp, limiters: Mapping[str, Limiter], max_requests: int) -> None:
        """`limiters` by the paths that they bound."""
        self.app = app
        self._doors = {path: _Door(path, limiter) for path, limiter in limiters.items()}
        self._max_requests = max_requests
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        door = self._doors.get(scope["path"]) if scope["type"] == "http" else None
        if door is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
        elif self._inside >= self._max_requests:
            await door.refuse(metrics.SHED_BY_BOUND, scope, send)
        elif door.limiter.full:
            await door.refuse(metrics.SHED_BY_LIMIT, scope, send)
        else:
            self._inside += 1
            door.in_flight.inc()
            try:
                await self.app(scope, receive, send)
            finally:
                self._inside -= 1
                door.in_flight.dec()


class _Door:
    """What a path's predictions are counted by, and the answer to those that are refused."""

    def __init__(self, path: str, limiter: Limiter) -> None:
        self.limiter = limiter
        self.in_flight = metrics.IN_FLIGHT.labels(limiter.model)
        error = limiter.overloaded()
        self._refused = metrics.REQUESTS.labels(limiter.model, metrics.NO_VERSION, error.code)
        response = problem_response(error, path=path, request_id=_ID)
        self._before, self._after = bytes(response.body).split(_ID.encode())
        self._status = response.status_code
        self._headers = [each for each in response.raw_headers if each[0] != b"content-length"]

    async def refuse(self, reason: str, scope: Scope, send: Send) -> None:
        self.limiter.count_refusal(reason)
        self._refused.inc()
        request_id = request_id_for(scope).encode()
        body = self._before + request_id + self._after
        headers = [
            *self._headers,
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", request_id),
        ]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
