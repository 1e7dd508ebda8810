"""Every way to ask a model why, other than the typed API's, and what each is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from proto.open_inference_pb2 import ModelInferRequest, ModelInferResponse
from proto.predict_pb2 import PredictRequest, PredictResponse
from serving import tensors
from serving.contract import Tensors
from serving.gateway.dialects.open_inference import binary
from serving.gateway.dialects.open_inference.datatypes import datatype_of_array
from tests.in_process import Gateway

EXPLAIN = "explain"
PARTS = ("outputs", "explanations")
Headers = Mapping[str, str]


@dataclass(frozen=True)
class Told:
    """How it ended: a status of HTTP or of gRPC, the refusal, the answer's tensors by name."""

    status: int | str
    text: str
    outputs: frozenset[str]
    headers: Headers

    @property
    def is_success(self) -> bool:
        """Whether there is an answer."""
        return self.status in {200, "OK"}


Ask = Callable[[Gateway, str, Tensors, int | None, Headers], Told]


def _post(gateway: Gateway, path: str, body: Any, headers: Headers) -> Told:
    response = gateway.client.post(path, json=body, headers=dict(headers))
    document = response.json()
    outputs = frozenset(name for part in PARTS for name in _names(part, document.get(part, {})))
    return Told(response.status_code, document.get("error", ""), outputs, response.headers)


def _names(part: str, found: Any) -> list[str]:
    if isinstance(found, dict):
        return list(found)
    # TF Serving's API leaves out the name of an output that is alone.
    return [each["name"] if isinstance(each, dict) else part for each in found]


def _v1(
    method: str, named: Mapping[str, Any], gateway: Gateway, model: str, inputs: Tensors, *rest: Any
) -> Told:
    version, headers = rest
    path = f"/v1/models/{model}" + (f"/versions/{version}" if version else "")
    columns = {name: _plain(array) for name, array in inputs.items()}
    return _post(gateway, f"{path}:{method}", {"inputs": columns, **named}, headers)


def _v1_explain(*asked: Any) -> Told:
    return _v1("explain", {}, *asked)


def _v1_predict(*asked: Any) -> Told:
    return _v1("predict", {"signature_name": EXPLAIN}, *asked)


def _v1_brackets(
    gateway: Gateway, model: str, inputs: Tensors, version: int | None, headers: Headers
) -> Told:
    """One dimension more than is declared: passed on for the graph to take."""
    return _v1_predict(gateway, model, _bracketed(inputs), version, headers)


def _v2(
    gateway: Gateway, model: str, inputs: Tensors, version: int | None, headers: Headers
) -> Told:
    path = f"/v2/models/{model}" + (f"/versions/{version}" if version else "")
    described = [
        {
            "name": name,
            "datatype": datatype_of_array(array),
            "shape": list(array.shape),
            "data": _plain(array.ravel()),
        }
        for name, array in inputs.items()
    ]
    body = {"inputs": described, "parameters": {"explain": True}}
    return _post(gateway, f"{path}/infer", body, headers)


def _call(gateway: Gateway, path: str, message: bytes, headers: Headers) -> tuple[Any, Headers]:
    reply = gateway.call(path, message, {name.lower(): value for name, value in headers.items()})
    return reply, dict(reply.metadata)


def _v2_grpc(
    gateway: Gateway, model: str, inputs: Tensors, version: int | None, headers: Headers
) -> Told:
    request = ModelInferRequest(model_name=model, model_version=str(version or ""))
    request.parameters["explain"].bool_param = True
    for name, array in inputs.items():
        request.inputs.add(name=name, datatype=datatype_of_array(array), shape=array.shape)
        request.raw_input_contents.append(bytes(binary.encode(array)))
    path = "/inference.GRPCInferenceService/ModelInfer"
    reply, said = _call(gateway, path, request.SerializeToString(), headers)
    outputs = [each.name for each in ModelInferResponse.FromString(reply.body).outputs]
    return Told(reply.code.name, reply.details or "", frozenset(outputs), said)


def _predict_grpc(
    gateway: Gateway, model: str, inputs: Tensors, version: int | None, headers: Headers
) -> Told:
    request = PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = EXPLAIN
    if version is not None:
        request.model_spec.version.value = version
    tensors.encode_all(request.inputs, inputs)
    path = "/tensorflow.serving.PredictionService/Predict"
    reply, said = _call(gateway, path, request.SerializeToString(), headers)
    outputs = PredictResponse.FromString(reply.body).outputs
    return Told(reply.code.name, reply.details or "", frozenset(outputs), said)


def _brackets_grpc(
    gateway: Gateway, model: str, inputs: Tensors, version: int | None, headers: Headers
) -> Told:
    return _predict_grpc(gateway, model, _bracketed(inputs), version, headers)


def _bracketed(inputs: Tensors) -> Tensors:
    return {name: array[:, np.newaxis] for name, array in inputs.items()}


def _plain(array: Any) -> Any:
    if array.dtype == object:
        return np.array([each.decode() for each in array.ravel()]).reshape(array.shape).tolist()
    return array.tolist()


# Of these, the gateway reads the tensors itself.
READ: Mapping[str, Ask] = {
    "v1 explain": _v1_explain,
    "v1 predict": _v1_predict,
    "v2 infer": _v2,
    "grpc ModelInfer": _v2_grpc,
    "grpc Predict": _predict_grpc,
}
ASKS: Mapping[str, Ask] = {
    **READ,
    "v1 brackets": _v1_brackets,
    "grpc Predict brackets": _brackets_grpc,
}


def ask(
    gateway: Gateway,
    how: str,
    model: str,
    inputs: Tensors,
    version: int | None = None,
    headers: Headers | None = None,
) -> Told:
    """Ask why, once."""
    return ASKS[how](gateway, model, inputs, version, headers or {})
