"""The outermost layer: gives every request a record, its headers, and an answer in any case."""

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import ClientDisconnected, InternalError
from serving.gateway.problems import problem_response
from serving.gateway.record import Record, new_record

_LOGGER = logging.getLogger("tfgate.error")


class Recorder:
    """ASGI middleware that begins a Record, adds its headers to the answer and finishes it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event; only HTTP requests have a record."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        record = new_record(Headers(scope=scope).get("x-request-id"), scope["path"])
        scope.setdefault("state", {})["record"] = record
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(scope=message), record)
            await send(message)

        with record.counted():
            try:
                await self.app(scope, receive, send_with_headers)
            # The last resort: a defect must become an answer and a log entry, never a dropped call.
            except Exception:
                _LOGGER.exception("unexpected error", extra={"request_id": record.request_id})
                record.outcome = InternalError.code
                if status:
                    raise
                error = InternalError("the gateway failed to answer")
                response = problem_response(error, path=scope["path"], request_id=record.request_id)
                await response(scope, receive, send_with_headers)
            finally:
                if not status:
                    record.outcome = ClientDisconnected.code
                record.finish(scope, status)


def _add_headers(headers: MutableHeaders, record: Record) -> None:
    headers["X-Request-ID"] = record.request_id
    if record.version is not None and record.model is not None:
        headers["X-Model-Name"] = record.model
        headers["X-Model-Version"] = str(record.version)
