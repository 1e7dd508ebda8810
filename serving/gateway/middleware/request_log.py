"""The outermost layer: gives every request a record, its headers, and an answer in any case."""

import logging
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import ClientDisconnected, InternalError, TfgateError
from serving.gateway.problems import problem_response
from serving.gateway.telemetry.access_log import AccessLog
from serving.gateway.telemetry.request_context import Record, new_record

_LOGGER = logging.getLogger("tfgate.error")


class Recorder:
    """ASGI middleware that begins a Record, adds its headers to the answer and finishes it."""

    def __init__(
        self, app: ASGIApp, log: AccessLog, begin: Callable[[Scope], Record] = new_record
    ) -> None:
        """`begin` makes the record of a request."""
        self.app = app
        self._log = log
        self._begin = begin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event; only HTTP requests have a record."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        record = self._begin(scope)
        scope.setdefault("state", {})["record"] = record
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(record)]
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        # The last resort: a defect must become an answer and a log entry, never a dropped call.
        except Exception:
            fields = {"request_id": record.request_id}
            _LOGGER.exception("unexpected error", extra={"fields": fields})
            if status:
                record.outcome = InternalError.code
                raise
            response = report(InternalError("the gateway failed to answer"), record, scope["path"])
            await response(scope, receive, send_with_headers)
        finally:
            if not status:
                record.outcome = ClientDisconnected.code
            record.finish(scope, status, self._log)


def _headers(record: Record) -> list[tuple[bytes, bytes]]:
    headers = [(b"x-request-id", record.request_id.encode())]
    if record.version is not None and record.model is not None:
        headers.append((b"x-model-name", record.model.encode()))
        headers.append((b"x-model-version", str(record.version).encode()))
    return headers


def report(error: TfgateError, record: Record, path: str) -> Response:
    """Note an error in the record and build the answer that reports it."""
    record.outcome = error.code
    response = problem_response(error, path=path, request_id=record.request_id)
    # What the caller did wrong is the caller's affair, and its cause may repeat the payload.
    if response.status_code >= 500:
        record.error = f"{error.detail}: {error.__cause__}" if error.__cause__ else error.detail
    return response
