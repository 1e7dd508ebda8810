"""What changes while the gateway winds down; knows neither signals nor for how long."""

from collections.abc import Awaitable

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import ShuttingDown


class Draining:
    """ASGI middleware around everything: once `draining`, each answer ends its connection.

    A client that was told so sends nothing more there. Closing a connection without a word may
    meet a request that is under way on it, and that one would be lost.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.draining = False

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one connection event; requests that began before the draining pass unchanged."""
        if not self.draining or scope["type"] != "http":
            return self.app(scope, receive, send)

        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        scope.setdefault("state", {})["draining"] = True
        return self.app(scope, receive, send_last)


def refuse_while_draining(scope: Scope) -> None:
    """See that the gateway does not wind down.

    Raises:
        ShuttingDown: it does.
    """
    if scope.get("state", {}).get("draining"):
        raise ShuttingDown("the gateway is shutting down")
