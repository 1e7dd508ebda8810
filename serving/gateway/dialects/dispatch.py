"""Which application answers a request: one of the dialects, or our own API."""

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.gateway.dialects.calls import Calls
from serving.gateway.dialects.open_inference_grpc.endpoint import OpenInferenceGrpc
from serving.gateway.dialects.open_inference_http.endpoint import OpenInferenceHttp
from serving.gateway.dialects.paths import (
    GRPC,
    OPEN_INFERENCE_SERVICE,
    TF_SERVING_REST,
    is_open_inference,
)
from serving.gateway.dialects.tf_serving_grpc.endpoint import TfServingGrpc
from serving.gateway.dialects.tf_serving_rest.endpoint import TfServingRest


class Dialects:
    """The ASGI application of every dialect; `others` is asked for all else."""

    def __init__(self, calls: Calls, others: ASGIApp) -> None:
        self._tf_serving_rest = TfServingRest(calls)
        self._open_inference_http = OpenInferenceHttp(calls)
        self._open_inference_grpc = OpenInferenceGrpc(calls)
        self._tf_serving_grpc = TfServingGrpc(calls)
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event.

        Raises:
            TfgateError: it is refused, or cannot be answered.
        """
        await self._application(scope)(scope, receive, send)

    def _application(self, scope: Scope) -> ASGIApp:
        if scope["type"] != "http":
            return self._others
        path: str = scope["path"]
        if scope["method"] == GRPC:
            is_open = path.startswith(OPEN_INFERENCE_SERVICE)
            return self._open_inference_grpc if is_open else self._tf_serving_grpc
        if path[:4].lower() == TF_SERVING_REST:
            return self._tf_serving_rest
        return self._open_inference_http if is_open_inference(path) else self._others
