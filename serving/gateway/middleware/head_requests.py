"""HTTP methods that no route names: HEAD, which every GET answers, and what Allow says of both."""

from starlette.types import ASGIApp, Receive, Scope, Send


class HeadAsGet:
    """ASGI middleware that lets GET's routes answer HEAD; the server leaves the body out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "http" and scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}
        await self.app(scope, receive, send)


def allow(methods: str) -> str:
    """Return the value of Allow for the methods that a path's routes name."""
    named = {each.strip() for each in methods.split(",")}
    return ", ".join(sorted(named | {"HEAD"} if "GET" in named else named))
