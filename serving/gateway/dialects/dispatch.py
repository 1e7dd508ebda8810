"""Which application answers a request: one of the dialects, or our own API."""

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.gateway.dialects.calls import Calls
from serving.gateway.dialects.open_inference_grpc.endpoint import OpenInferenceGrpc
from serving.gateway.dialects.open_inference_http.endpoint import OpenInferenceHttp
from serving.gateway.dialects.paths import Dialect, dialect_of
from serving.gateway.dialects.tf_serving_grpc.endpoint import TfServingGrpc
from serving.gateway.dialects.tf_serving_rest.endpoint import TfServingRest


class Dialects:
    """The ASGI application of every dialect; `others` is asked for all else."""

    def __init__(self, calls: Calls, others: ASGIApp) -> None:
        self._applications: dict[Dialect, ASGIApp] = {
            "tf_serving_rest": TfServingRest(calls),
            "open_inference_http": OpenInferenceHttp(calls),
            "open_inference_grpc": OpenInferenceGrpc(calls),
            "tf_serving_grpc": TfServingGrpc(calls),
        }
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event.

        Raises:
            TfgateError: it is refused, or cannot be answered.
        """
        dialect = dialect_of(scope["method"], scope["path"]) if scope["type"] == "http" else None
        application = self._others if dialect is None else self._applications[dialect]
        await application(scope, receive, send)
