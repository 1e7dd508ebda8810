"""Where the dialects live, and which model a request asks as far as its path tells."""

import re
from collections.abc import Container
from typing import Final

from starlette.types import Scope

from serving.gateway.telemetry import metrics

GRPC: Final = "GRPC"  # the method of a call that came over gRPC; no HTTP client can send it
TF_SERVING_REST = "/v1/"
OPEN_INFERENCE = "/v2"
OPEN_INFERENCE_SERVICE = "/inference."

_TYPED = "/predict/"
# Of the first, a name or a label may hold whatever its escapes stand for.
_PREDICTIONS = re.compile(
    r"/v1/models/([^/:]*).*:(?:predict|classify|regress)|"
    r"/v2/models/([^/]+)(?:/versions/[^/]+)?/infer",
    re.IGNORECASE | re.DOTALL,
)
# Calls that name their model in the message.
_GRPC_PREDICTIONS = {"ModelInfer", "ModelStreamInfer"} | {
    *("Predict", "Classify", "Regress", "MultiInference")
}


def is_open_inference(path: str) -> bool:
    """Tell whether a path is one of the Open Inference Protocol over HTTP."""
    return path == OPEN_INFERENCE or path.startswith(f"{OPEN_INFERENCE}/")


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
