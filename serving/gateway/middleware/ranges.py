"""Requests for parts of a file, which get the whole: no file here is so large.

Starlette would refuse what it does not understand, in plain text. Source: RFC 9110, 14.2: a server
may ignore Range, and has to ignore units that it does not know.
"""

from starlette.types import ASGIApp, Receive, Scope, Send


class WithoutRanges:
    """ASGI middleware that leaves the header Range out."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "http":
            # A new scope: a mount writes its own root_path into it, which is not that of problems.
            headers = [header for header in scope["headers"] if header[0] != b"range"]
            scope = {**scope, "headers": headers}
        await self.app(scope, receive, send)
