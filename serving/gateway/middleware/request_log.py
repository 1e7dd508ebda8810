"""Every request ends in exactly one answer, one line of the log, and one count.

Requests are counted, and their lines written, in blocks that are at most a tenth of a second old.
The lines are JSON, or text for people, on standard output: the logging package, which serves
everything else, takes longer over a line than the gateway over the prediction that it tells of
(25 % of the requests per second when measured).
"""

import asyncio
import logging
import re
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from math import nan
from typing import Any

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.errors import ClientDisconnected, InternalError, Overloaded, TfgateError
from serving.gateway.problems import status_of
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.logs import text_line
from serving.gateway.telemetry.request_context import MAX_LOGGED_PATH, RequestContext

_LOGGER = logging.getLogger("tfgate.error")
_PROBES = re.compile(
    r"/(healthz|readyz|metrics|v2/health/)|/v2/models/.+/ready$"
    r"|/inference\.GRPCInferenceService/(ServerLive|ServerReady|ModelReady)$"
)
_BLOCK_SECONDS = 0.1
_BLOCK_REQUESTS = 256

# Builds the answer that reports an error; the last is what stands before every path outside.
AnswerError = Callable[[TfgateError, RequestContext, str], Response]


class Lines:
    """Takes lines and writes them in blocks; `flush` is to be called once more at the end."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []

    def take(self, line: bytes) -> None:
        """Take one line, without its end."""
        self._lines.append(line)
        if len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_BLOCK_SECONDS, self.flush)
        elif len(self._lines) >= _BLOCK_REQUESTS:
            self.flush()

    def flush(self) -> None:
        """Write what was taken."""
        if self._lines:
            lines, self._lines = self._lines, []
            # A disk that is full, or a terminal that was closed, is no request's fault.
            with suppress(OSError):
                sys.stdout.write(b"\n".join([*lines, b""]).decode())
                sys.stdout.flush()


class RequestLog:
    """ASGI middleware that gives each request a context, and turns every error into an answer.

    It is the one boundary for errors: whatever is raised within, by a layer, by a prediction or by
    FastAPI's routes, is answered here.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        lines: Lines,
        level: str,
        begin: Callable[[Scope], RequestContext],
        answer: AnswerError,
        text: bool = False,
    ) -> None:
        """`level` is the lowest that is written; `begin` makes the context of a request.

        `answer` builds the answer that reports an error, in the form of the dialect that was asked.

        The lines are JSON, or `text` for people.
        """
        self.app = app
        self._lines = lines
        self._level = logging.getLevelNamesMapping()[level]
        self._begin = begin
        self._answer = answer
        self._encode = _text if text else _json

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event; only HTTP requests have a context."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = self._begin(scope)
        scope.setdefault("state", {})["context"] = context
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *_headers(context)]
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        # The last resort: a defect must become an answer and a log entry, never a dropped call.
        except Exception as error:
            response = self._report(error, context, scope.get("root_path", ""))
            if status:
                raise
            await response(scope, receive, send_with_headers)
        finally:
            if not status:
                context.outcome = ClientDisconnected.code
            context.finish(status)
            stages = context.stage_seconds()
            self._write(context, status, stages)
            if context.model is not None:
                _count(context, context.model, stages)
            if context.after is not None:
                context.after()

    def _report(self, error: Exception, context: RequestContext, root_path: str) -> Response:
        """Note an error in the context, and build the answer that reports it."""
        if not isinstance(error, TfgateError):
            fields = {"request_id": context.request_id}
            _LOGGER.error("unexpected error", exc_info=error, extra={"fields": fields})
            error = InternalError("the gateway failed to answer")
        context.outcome = error.code
        # What the caller did wrong is the caller's affair, and its cause may repeat the payload.
        if status_of(type(error)) >= 500:
            cause = error.__cause__
            context.error = f"{error.detail}: {cause}" if cause else error.detail
        return self._answer(error, context, root_path)

    def _write(self, context: RequestContext, status: int, stages: Mapping[str, float]) -> None:
        level = logging.ERROR if status >= 500 else logging.INFO
        # Probes come by the second, and are no error when told "not yet". What is shed comes by the
        # thousand just when there is no time for it: the limit sums it up once a second.
        if status == 429 or (status in (200, 503) and _PROBES.match(context.path)):
            level = logging.DEBUG
        if level >= self._level:
            self._lines.take(self._encode(_line(level, context, status, stages)))


def _headers(context: RequestContext) -> list[tuple[bytes, bytes]]:
    headers = [(b"x-request-id", context.request_id.encode())]
    if context.version is not None and context.model is not None:
        headers.append((b"x-model-name", context.model.encode()))
        headers.append((b"x-model-version", b"%d" % context.version))
        if context.route is not None:
            headers.append((b"x-model-route", context.route.encode()))
    return headers


def _line(
    level: int, context: RequestContext, status: int, stages: Mapping[str, float]
) -> dict[str, Any]:
    seconds = time.perf_counter() - context.started
    # In whole microseconds: rounding to three digits takes three times as long.
    line = {
        "time": datetime.now(UTC),
        "level": logging.getLevelName(level),
        "logger": "tfgate.access",
        "request_id": context.request_id,
        "method": context.method,
        "path": context.path[:MAX_LOGGED_PATH],
        "status": status,
        "outcome": context.outcome,
        "key": context.key,
        "model": context.model,
        "version": context.version,
        "route": context.route,
        "instances": context.num_instances,
        "error": context.error,
        "milliseconds": round(1e6 * seconds) / 1000,
        "stages": {name: round(1e6 * took) / 1000 for name, took in stages.items()},
    }
    if context.trace_id is not None:
        line["trace_id"] = context.trace_id
    if context.client is not None:
        line.update(client=context.client, scheme=context.scheme)
    return line


def _json(line: Mapping[str, Any]) -> bytes:
    return orjson.dumps(line, option=orjson.OPT_UTC_Z)


def _text(line: Mapping[str, Any]) -> bytes:
    told = f"{line['method']} {line['path']} {line['status']} in {line['milliseconds']} ms"
    if line["error"] is not None:
        told += f": {line['error']}"
    return text_line(line["time"], line["level"], told).encode()


def _count(context: RequestContext, model: str, stages: Mapping[str, float]) -> None:
    if model == metrics.UNKNOWN_MODEL:
        metrics.REQUESTS.labels(model, metrics.NO_VERSION, context.outcome).inc()
        return
    series = metrics.SERIES[model, context.version]
    if context.outcome == metrics.OK:
        series.ok.inc()
    else:
        metrics.REQUESTS.labels(*series.labels, context.outcome).inc()
    if context.outcome == Overloaded.code:
        return
    seconds = time.perf_counter() - context.started
    row = (
        seconds,
        context.num_instances or nan,
        *[stages.get(each, nan) for each in metrics.STAGES],
    )
    metrics.UNCOUNTED.append((series, row))
    if len(metrics.UNCOUNTED) == 1:
        asyncio.get_running_loop().call_later(_BLOCK_SECONDS, metrics.flush)
    elif len(metrics.UNCOUNTED) >= _BLOCK_REQUESTS:
        metrics.flush()
