"""The Open Inference Protocol over HTTP: which path is answered how."""

from starlette.types import Receive, Scope, Send

from serving.errors import NotFound
from serving.gateway.dialects.calls import Calls


class OpenInferenceHttp:
    """The ASGI application of the dialect."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Serve one request.

        Raises:
            TfgateError: it is refused, or cannot be answered.
        """
        message = f"nothing lives at {scope['path']}"
        raise NotFound(message)
