"""Where the dialects live, and which model a request asks as far as its path tells."""

import re
from collections.abc import Container
from typing import Final, Literal

from starlette.types import Scope

from serving.gateway.telemetry import metrics

GRPC: Final = "GRPC"  # the method of a call that came over gRPC; no HTTP client can send it
Dialect = Literal[
    "tf_serving_rest", "open_inference_http", "open_inference_grpc", "tf_serving_grpc"
]

_TYPED = "/predict/"
# Of the first, a name or a label may hold whatever its escapes stand for.
_PREDICTIONS = re.compile(
    r"/v1/models/([^/:]*).*:(?:predict|classify|regress|explain)|"
    r"/v2/models/([^/]+)(?:/versions/[^/]+)?/infer",
    re.IGNORECASE | re.DOTALL,
)
# Calls that name their model in the message.
_GRPC_PREDICTIONS = {"ModelInfer", "ModelStreamInfer"} | {
    *("Predict", "Classify", "Regress", "MultiInference")
}


def dialect_of(method: str, path: str) -> Dialect | None:
    """Tell in which dialect a request is; None for our own API."""
    if method == GRPC:
        is_open_inference = path.startswith("/inference.")
        return "open_inference_grpc" if is_open_inference else "tf_serving_grpc"
    if path[:4].lower() == "/v1/":
        return "tf_serving_rest"
    return "open_inference_http" if f"{path}/".startswith("/v2/") else None


def model_asked(scope: Scope, known: Container[str]) -> str | None:
    """Return the label of the model that a prediction is for; None for what is no prediction.

    A name that is not among those known is metrics.UNKNOWN_MODEL, as is one that only the message
    tells.
    """
    path: str = scope["path"]
    if path.startswith(_TYPED):
        name = path.split("/", 3)[2]
    elif scope["method"] == GRPC:
        return metrics.UNKNOWN_MODEL if path.rpartition("/")[2] in _GRPC_PREDICTIONS else None
    elif path.startswith(("/v", "/V")) and (named := _PREDICTIONS.fullmatch(path)):
        name = named[1] or named[2]
    else:
        return None
    return name if name in known else metrics.UNKNOWN_MODEL
