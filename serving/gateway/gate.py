"""The door of predictions: who is turned away before anything is read, and the short way in."""

from collections.abc import Iterable, Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.errors import TfgateError
from serving.gateway import metrics
from serving.gateway.admission import Limiter
from serving.gateway.record import Record
from serving.gateway.recorder import report
from serving.gateway.routes.predict import RawRoute


class Gate:
    """ASGI middleware that bounds the predictions inside; anything else passes at any load.

    A model's limit is only looked at here, and kept where the body has been read: a slow upload
    must not take the place of a request that could be answered meanwhile. The bound counts both.

    A prediction's route is called at once. The layers that lie between, for routing, exceptions and
    dependencies, have nothing to do for it, and would take a fifth of its time.
    """

    def __init__(
        self,
        app: ASGIApp,
        routes: Iterable[RawRoute],
        limiters: Mapping[str, Limiter],
        max_requests: int,
    ) -> None:
        self.app = app
        self._routes = {route.path: route for route in routes}
        self._limiters = limiters
        self._max_requests = max_requests
        self._in_flight = {model: metrics.IN_FLIGHT.labels(model) for model in limiters}
        self._inside = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        record: Record = scope["state"]["record"]
        in_flight = self._in_flight[route.model]
        try:
            self._refuse_if_full(self._limiters[route.model])
            self._inside += 1
            in_flight.inc()
            try:
                await route.app(scope, receive, send)
            finally:
                self._inside -= 1
                in_flight.dec()
        except TfgateError as error:
            await report(error, record, scope["path"])(scope, receive, send)

    def _refuse_if_full(self, limiter: Limiter) -> None:
        if self._inside >= self._max_requests:
            raise limiter.refuse(metrics.SHED_BY_BOUND)
        if limiter.full:
            raise limiter.refuse()
