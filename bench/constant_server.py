"""A model server that computes nothing: two versions of every typed model, and zeros as answers.

What a gateway in front of it costs is then the gateway's own cost. Run as `python -m
bench.constant_server`; PORT says where.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

import grpc
import numpy as np

from proto.metadata_pb2 import GetModelMetadataRequest, GetModelMetadataResponse, SignatureDefMap
from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.status_pb2 import GetModelStatusRequest, GetModelStatusResponse, ModelVersionStatus
from serving import tensors
from serving.contract import Signature
from serving.models import MODELS

VERSIONS = (1, 2)
_SIGNATURE = "serving_default"


def predict(body: bytes) -> bytes:
    """Answer as many rows as there are."""
    request = PredictRequest.FromString(body)
    spec = request.model_spec
    if spec.signature_name not in {"", _SIGNATURE} or spec.name not in MODELS:
        raise KeyError(spec.signature_name)
    [num_rows, *_] = next(iter(request.inputs.values())).tensor_shape.dim
    return _zeros(spec.name, spec.version.value or VERSIONS[0], num_rows.size)


@cache
def _zeros(model: str, version: int, num_rows: int) -> bytes:
    response = PredictResponse()
    response.model_spec.name = model
    response.model_spec.version.value = version
    outputs = {
        name: np.full(
            (num_rows, *spec.row_shape), b"" if spec.dtype == "string" else 0, spec.numpy_dtype
        )
        for name, spec in MODELS[model].signature.outputs.items()
    }
    tensors.encode_all(response.outputs, outputs)
    return response.SerializeToString()


def describe(body: bytes) -> bytes:
    """Tell the signature that the gateway declares."""
    spec = GetModelMetadataRequest.FromString(body).model_spec
    response = GetModelMetadataResponse()
    response.model_spec.name = spec.name
    response.model_spec.version.value = spec.version.value or VERSIONS[0]
    packed = response.metadata["signature_def"]
    packed.type_url = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    packed.value = _definitions(MODELS[spec.name].signature).SerializeToString()
    return response.SerializeToString()


def _definitions(signature: Signature) -> SignatureDefMap:
    definitions = SignatureDefMap()
    definition = definitions.signature_def[_SIGNATURE]
    definition.method_name = "tensorflow/serving/predict"
    sides = ((definition.inputs, signature.inputs), (definition.outputs, signature.outputs))
    for infos, specs in sides:
        for name, spec in specs.items():
            infos[name].name = f"{name}:0"
            infos[name].dtype = tensors.data_type(spec.dtype)
            for size in spec.shape or ():
                infos[name].tensor_shape.dim.add(size=-1 if size is None else size)
    return definitions


def states(body: bytes) -> bytes:
    """Say that every version is there."""
    [_] = [
        each for each in MODELS if each == GetModelStatusRequest.FromString(body).model_spec.name
    ]
    response = GetModelStatusResponse()
    for version in VERSIONS:
        status = response.model_version_status.add(
            version=version, state=ModelVersionStatus.AVAILABLE
        )
        status.status.SetInParent()
    return response.SerializeToString()


_METHODS: dict[str, Callable[[bytes], bytes]] = {
    "/tensorflow.serving.PredictionService/Predict": predict,
    "/tensorflow.serving.PredictionService/GetModelMetadata": describe,
    "/tensorflow.serving.ModelService/GetModelStatus": states,
}


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    def service(self, details: Any) -> Any:
        """Answer a call; what is not there is not found."""
        answer = _METHODS[details.method]

        async def serve(body: bytes, context: Any) -> bytes:
            try:
                return answer(body)
            except (KeyError, ValueError):
                await context.abort(grpc.StatusCode.NOT_FOUND, "there is only what is declared")
                raise

        handler: Callable[[bytes, Any], Awaitable[bytes]] = serve
        return grpc.unary_unary_rpc_method_handler(handler)


async def main() -> None:
    """Serve until the end."""
    server = grpc.aio.server(handlers=[_Handler()])
    server.add_insecure_port(f"127.0.0.1:{os.environ['PORT']}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(main())
