"""Errors as gRPC has them: which status each has, in the headers that the gRPC port reads."""

from urllib.parse import quote

from starlette.responses import Response

from serving import errors
from serving.errors import TfgateError
from serving.gateway.problems import RETRY_AFTER_SECONDS, in_a_sentence, status_of

# By gRPC's numbers. The nearest base class that stands here decides.
CANCELLED = 1
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
UNAUTHENTICATED = 16

STATUSES: dict[type[TfgateError], int] = {
    errors.InvalidRequest: INVALID_ARGUMENT,
    errors.Unauthenticated: UNAUTHENTICATED,
    errors.Forbidden: PERMISSION_DENIED,
    errors.UnknownModel: NOT_FOUND,
    errors.UnknownVersion: NOT_FOUND,
    errors.NotExplainable: NOT_FOUND,
    errors.NotFound: UNIMPLEMENTED,
    errors.MethodNotAllowed: UNIMPLEMENTED,
    errors.Unimplemented: UNIMPLEMENTED,
    # As gRPC itself says it of a message that is beyond its limit.
    errors.PayloadTooLarge: RESOURCE_EXHAUSTED,
    errors.RateLimited: RESOURCE_EXHAUSTED,
    errors.Overloaded: RESOURCE_EXHAUSTED,
    errors.RequestTimeout: DEADLINE_EXCEEDED,
    errors.DeadlineExceeded: DEADLINE_EXCEEDED,
    errors.ModelServerUnavailable: UNAVAILABLE,
    errors.ModelUnavailable: UNAVAILABLE,
    errors.StoreUnavailable: UNAVAILABLE,
    errors.ShuttingDown: UNAVAILABLE,
    errors.ModelServerFailure: INTERNAL,
    errors.InternalError: INTERNAL,
    errors.ClientDisconnected: CANCELLED,
}
_LONGEST_TEXT = 1_024  # characters; more of headers than 8 KB would never reach a client


def grpc_status_of(error: type[TfgateError]) -> int:
    """Return the gRPC status of an error class, its own or the nearest base class's.

    Raises:
        LookupError: nothing was decided for it.
    """
    return status_of(error, STATUSES)


def text_of(error: TfgateError) -> str:
    """Say what is wrong, and what to do next where that is about this very request.

    What a class of errors has for all of its requests speaks of our own paths over HTTP.
    """
    return in_a_sentence(error, error.hint if error.hint != type(error).hint else "")


def grpc_response(error: TfgateError, status: int, text: str, body: bytes = b"") -> Response:
    """Build the answer that reports an error; a `body` is the message of a stream that does.

    Its status of HTTP is what the log and the metrics tell.
    """
    headers = {
        "grpc-status": str(status),
        # Nothing but ASCII fits into a header.
        "grpc-message": quote(text[:_LONGEST_TEXT]),
    }
    if status == RESOURCE_EXHAUSTED and not isinstance(error, errors.PayloadTooLarge):
        headers["retry-after"] = str(error.retry_after_seconds or RETRY_AFTER_SECONDS)
    return Response(body, status_of(type(error)), headers)
