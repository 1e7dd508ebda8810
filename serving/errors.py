"""Everything that can go wrong with a request, as one family; knows neither HTTP nor gRPC.

    TfgateError
    ├── InvalidRequest           the caller can repair it
    │   ├── MalformedRequest     what came is no HTTP
    │   ├── MalformedBody        the body cannot be read at all
    │   ├── InvalidInput         a field of the body is wrong
    │   │   └── InvalidImage     the bytes are no picture that can be used
    │   ├── PayloadTooLarge      more bytes or rows than are accepted
    │   ├── UnsupportedMediaType the body is of a kind that is not accepted
    │   ├── HeadersTooLarge      more bytes of headers than are accepted
    │   ├── UnmetExpectation     an Expect header with something else than 100-continue
    │   ├── Unimplemented        a method or transfer coding that is not known here
    │   ├── UnsupportedHttpVersion  neither HTTP/1.1 nor HTTP/1.0
    │   ├── Unauthenticated      no key, or none that is known
    │   ├── Forbidden            the key is not for this
    │   ├── UnknownModel         no such model
    │   ├── UnknownVersion       the model has no such version, or no such label
    │   ├── RejectedByModel      the model's own graph refuses the inputs
    │   ├── RequestTimeout       the body did not arrive in time
    │   ├── NotFound             no such path
    │   └── MethodNotAllowed     the path exists, the verb does not
    ├── RateLimited              more requests or rows than the key is good for
    ├── Overloaded               too much work at this moment
    ├── ModelServerUnavailable   the model server cannot be reached
    ├── ModelUnavailable         the model server answers, but the model is not ready
    ├── StoreUnavailable         the store of feedback cannot be used
    ├── ShuttingDown             the gateway is about to end
    ├── DeadlineExceeded         the answer would have come too late
    ├── ModelServerFailure       the model server failed, or answered nonsense
    │   └── PredictionFailed     it failed on these very inputs
    ├── ClientDisconnected       the caller has gone
    └── InternalError            a defect of tfgate

A class's name in kebab case is its `code`, which clients may rely on. Each docstring is what the
page behind a problem's `type` says.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self


@dataclass(frozen=True)
class FieldError:
    """One wrong field of a body.

    `field` is a dotted path such as `instances.3.latitude`; `received` is a number, a short text or
    a type, never what may be a payload.
    """

    field: str
    message: str
    received: str | float | None = None


class TfgateError(Exception):
    """Any failure that tfgate reports to a caller.

    `detail` says what was received and what is accepted; `hint` says what to do next.
    `retry_after_seconds` is set where the time is known after which a repetition is worth while.
    """

    code: ClassVar[str] = "tfgate-error"
    hint: str = ""

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", cls.__name__).lower()

    def __init__(
        self,
        detail: str,
        *,
        hint: str | None = None,
        fields: Sequence[FieldError] = (),
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.hint = self.hint if hint is None else hint
        self.fields = tuple(fields)
        self.retry_after_seconds = retry_after_seconds


class InvalidRequest(TfgateError):
    """The request cannot be answered as it is; it must be changed before it is sent again."""

    def below(self, path: str) -> Self:
        """Return the same error for an instance that stands at `path` in a larger body."""
        fields = [replace(field, field=f"{path}.{field.field}") for field in self.fields]
        return type(self)(f"{path}: {self.detail}", hint=self.hint, fields=fields)


class MalformedRequest(InvalidRequest):
    """What was sent is no complete and well-formed HTTP/1.1 request."""

    hint = "Send HTTP/1.1, without TLS, and with header lines as RFC 9112 has them."


class MalformedBody(InvalidRequest):
    """The body is not readable: broken JSON, broken UTF-8, or a broken multipart form."""

    hint = "Send one complete JSON document, encoded as UTF-8."


class InvalidInput(InvalidRequest):
    """A field is missing, unknown, of the wrong type or outside its range."""

    hint = "Correct the fields named in `errors`; GET /models/{model} shows the schema."


class InvalidImage(InvalidInput):
    """The bytes are no usable picture: not one of the formats, cut short, or too many pixels."""

    hint = "Send a complete JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP file; `detail` says what came."


class PayloadTooLarge(InvalidRequest):
    """The body or the picture in it has more bytes, or the batch more rows, than are accepted."""

    hint = "Send less at once: split the batch, or scale the picture down."


class UnsupportedMediaType(InvalidRequest):
    """The Content-Type, or the Content-Encoding, is none that this model accepts."""

    hint = "Set the Content-Type header to one that is named in `detail`."

    def __init__(
        self, detail: str, *, hint: str | None = None, accepted_encoding: str | None = None
    ) -> None:
        """`accepted_encoding` is given where the way of compression was wrong, not the kind."""
        super().__init__(detail, hint=hint)
        self.accepted_encoding = accepted_encoding


class HeadersTooLarge(InvalidRequest):
    """The request's line and headers have more bytes than are accepted."""

    hint = "Send fewer or shorter headers, or a shorter path."


class UnmetExpectation(InvalidRequest):
    """The Expect header names something else than 100-continue."""

    hint = "Leave the Expect header out."


class Unimplemented(InvalidRequest):
    """The HTTP method, the transfer coding or the operation is none that tfgate has."""

    hint = "Send GET or POST, and the body with a Content-Length or chunked."


class UnsupportedHttpVersion(InvalidRequest):
    """The request's line names a version of HTTP that is not spoken."""

    hint = "Send HTTP/1.1."


class Unauthenticated(InvalidRequest):
    """The request has no API key, or one that is unknown, has been revoked or has expired."""

    hint = "Send the key as 'Authorization: Bearer KEY' or 'X-API-Key: KEY'."


class Forbidden(InvalidRequest):
    """The API key is good, but not for what was asked with it."""

    hint = "Ask the operators for a key that is good for it."


class UnknownModel(InvalidRequest):
    """There is no model of that name."""

    hint = "GET /models lists the models."


class UnknownVersion(InvalidRequest):
    """The model exists, but the version or label that was asked for is not being served."""

    hint = "GET /models/{model} lists the versions; leave version and label out for the newest."


class NotExplainable(InvalidRequest):
    """The version that was asked why cannot say: it has no signature `explain`."""

    hint = "Ask without explain, or one that can: GET /models says which do, in `explains`."


class RejectedByModel(InvalidRequest):
    """The inputs have the right names, types and shapes, but the model refuses their values."""

    hint = "Correct the values: `detail` has what the model's graph says of them."


class RequestTimeout(InvalidRequest):
    """The request's headers or its body had not arrived as a whole when their time was over."""

    hint = "Send the same request again over a faster connection, or with a smaller body."


class NotFound(InvalidRequest):
    """Nothing lives at that path."""

    hint = "GET /docs shows every path."


class MethodNotAllowed(InvalidRequest):
    """The path exists, but not for that HTTP method."""

    hint = "GET /docs shows every path with its methods."

    def __init__(self, detail: str, *, allowed: str) -> None:
        super().__init__(f"{detail}; allowed: {allowed}")
        self.allowed = allowed


class RateLimited(TfgateError):
    """The API key has been used as often as it may be for now."""

    hint = "Wait as long as the Retry-After header says, then send the same request again."


class Overloaded(TfgateError):
    """More requests are in progress than can be finished in time."""

    hint = "Wait as long as the Retry-After header says, then send the same request again."


class ModelServerUnavailable(TfgateError):
    """The model server that the gateway depends on cannot be reached."""

    hint = "Send the same request again later; GET /readyz says when the service is back."


class ModelUnavailable(TfgateError):
    """The model server is up, but this model has no version that is ready to answer."""

    hint = "Send the same request again later; GET /readyz says what is missing."


class StoreUnavailable(TfgateError):
    """The store that feedback is kept in cannot be used; predictions do not need it."""

    hint = "Send the same feedback again later: what was joined before is not counted twice."


class ShuttingDown(TfgateError):
    """The gateway has been told to stop; it answers what still comes, but wants no more."""

    hint = "Send requests to another gateway; this address may be served again soon."


class DeadlineExceeded(TfgateError):
    """The answer did not come within the time allowed for the request."""

    hint = "Send the same request again, with fewer or shorter instances if that repeats."


class ModelServerFailure(TfgateError):
    """The model server failed, or what it answered cannot be read."""

    hint = "If it repeats, tell the operators the request id: the served version may be defective."


class PredictionFailed(ModelServerFailure):
    """The version failed on these inputs, or answered what its signature does not promise."""


class ClientDisconnected(TfgateError):
    """The client closed the connection before the answer was ready."""


class InternalError(TfgateError):
    """A defect of the gateway itself."""

    hint = "Tell the operators the request id; their log has the details."


def all_errors(base: type[TfgateError] = TfgateError) -> list[type[TfgateError]]:
    """List every class below `base` that is raised: all but InvalidRequest, which only groups."""
    below = [error for child in base.__subclasses__() for error in (child, *all_errors(child))]
    return [error for error in below if error is not InvalidRequest]
