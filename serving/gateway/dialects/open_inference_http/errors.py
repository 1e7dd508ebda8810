"""Errors as the protocol has them: one text, which says what came, what is accepted, what to do."""

import orjson
from starlette.responses import Response

from serving.errors import InvalidInput, TfgateError
from serving.gateway.problems import error_headers, hint_for, in_a_sentence, status_of
from serving.gateway.telemetry.request_context import RequestContext


def error_response(error: TfgateError, context: RequestContext, root_path: str) -> Response:
    """Build the answer that reports an error."""
    # Source: Triton's HTTP server has no other status for what is wrong in a request.
    status = 400 if isinstance(error, InvalidInput) else status_of(type(error))
    text = in_a_sentence(error, hint_for(error.hint, root_path, context.model))
    content = orjson.dumps({"error": text})
    return Response(content, status, error_headers(error), media_type="application/json")
