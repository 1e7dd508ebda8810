"""What is told where the application is never asked: an answer, a line of the log, and a count."""

import logging
from collections.abc import Iterable

from serving.errors import TfgateError
from serving.gateway.middleware.forwarded import without_prefix
from serving.gateway.problems import problem_response
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.request_context import MAX_LOGGED_PATH, request_id_in

_LOGGER = logging.getLogger("tfgate.access")

Lines = Iterable[tuple[bytes, bytes]]


def count(error: TfgateError) -> None:
    """Count a refusal, also one that cannot be told."""
    metrics.REFUSED_HEADS.labels(error.code).inc()


def answer(
    error: TfgateError,
    *,
    method: bytes,
    target: bytes,
    root_path: str,
    headers: Lines,
    defaults: Lines,
) -> bytes:
    """Return the answer that ends a connection, and note it in the log.

    `headers` are the request's, as far as they were read; `defaults` what every answer has.
    """
    request_id = request_id_in(dict(headers))
    asked = target.partition(b"?")[0][:MAX_LOGGED_PATH].decode("ascii", "replace")
    path = without_prefix(asked, root_path)
    response = problem_response(error, path=path, request_id=request_id, root_path=root_path)
    fields = {
        "request_id": request_id,
        "path": path,
        "status": response.status_code,
        "outcome": error.code,
    }
    _LOGGER.info("refused unread: %s", error.detail, extra={"fields": fields})
    said = [
        *defaults,
        *(header for header in response.raw_headers if header[0] != b"connection"),
        (b"x-request-id", request_id.encode()),
        (b"connection", b"close"),
    ]
    lines = [b"HTTP/1.1 %d " % response.status_code, *(b": ".join(header) for header in said)]
    body = b"" if method == b"HEAD" else bytes(response.body)
    return b"\r\n".join([*lines, b"", body])
