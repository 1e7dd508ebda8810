"""A request that works, in each dialect, made from a signature."""

import json
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import quote

from numpy.typing import NDArray

from serving.contract import Signature, Tensors, TensorSpec
from serving.gateway.dialects.example_documents import (
    Document,
    Filled,
    piped,
    python,
    python_bytes,
    raw,
    sent,
    values,
    values_in_message,
)
from serving.gateway.dialects.open_inference.datatypes import (
    ONLY_BINARY,
    datatype_of,
    datatype_of_array,
)
from serving.gateway.dialects.open_inference_grpc.contents import FIELDS
from serving.gateway.dialects.tf_serving_rest.columns import INTEGERS, LARGEST_WHOLE
from serving.gateway.inference.example import example
from serving.gateway.inference.model_ref import PREDICT_SIGNATURE

Dialect = Literal[
    "tf_serving_rest_rows",
    "tf_serving_rest_columns",
    "open_inference_http",
    "open_inference_grpc",
    "tf_serving_grpc",
]

_IN_REST = {*LARGEST_WHOLE, *INTEGERS, "bool", "string"}
_JSON = "'Content-Type: application/json'"
_BYTES = "'Content-Type: application/octet-stream'"


@dataclass(frozen=True)
class Address:
    """Where examples are sent: `url` over HTTP, `grpc` over gRPC, which there may not be.

    `tls` is whether gRPC speaks it; `with_key` stands for a key that callers need.
    """

    url: str = "http://127.0.0.1:8000"
    grpc: str | None = "127.0.0.1:8001"
    tls: bool = False
    with_key: bool = False

    def post(self, path: str, *headers: str) -> list[str]:
        """Begin a command line of curl's; headers as the shell has them."""
        lines = [*headers, *(['"X-API-Key: $KEY"'] if self.with_key else [])]
        return ["curl", shlex.quote(self.url + path), *(f"-H {line}" for line in lines)]


_LOCAL = Address()


def example_request(
    dialect: Dialect,
    model: str,
    signature_name: str,
    signature: Signature,
    address: Address = _LOCAL,
) -> str | None:
    """Write a command line, or for `tf_serving_grpc` a program in Python.

    None if the dialect cannot ask, or there is no gRPC.
    """
    if not can_ask(dialect, signature) or (dialect.endswith("grpc") and address.grpc is None):
        return None
    return _WRITERS[dialect](model, signature_name, signature, address)


def can_ask(dialect: Dialect, signature: Signature) -> bool:
    """Tell whether a dialect can ask a signature.

    None can send complex numbers, and TensorFlow Serving's REST reads fewer dtypes than the others,
    and no request without inputs; its rows are all inputs of signatures with a batch.
    """
    if signature.unsendable:
        return False
    dtypes = {spec.dtype for spec in signature.inputs.values()}
    if dialect.startswith("tf_serving_rest") and not (dtypes and dtypes <= _IN_REST):
        return False
    by_rows = signature.is_batched and not signature.optional
    return by_rows or dialect != "tf_serving_rest_rows"


def example_requests(
    model: str, signature_name: str, signature: Signature, address: Address
) -> dict[Dialect, str]:
    """Write an example in every dialect that has one."""
    written = {
        dialect: example_request(dialect, model, signature_name, signature, address)
        for dialect in get_args(Dialect)
    }
    return {dialect: text for dialect, text in written.items() if text is not None}


def example_body(signature_name: str, signature: Signature) -> dict[str, Any] | None:
    """Return the body of a request to /v2, with one value where it is long `data` of that value."""
    if signature.unsendable or has_halves({**signature.inputs, **signature.outputs}):
        return None
    body = infer_body(signature_name, example(signature))
    for tensor in body["inputs"]:
        if isinstance(tensor["data"], Filled):
            tensor["data"] = [tensor["data"].value]
    return body


def curl(address: Address, path: str, document: Document) -> str:
    """Write the command line that posts a document."""
    return sent(document, address.post(path, _JSON), "-d", "@-")


def _rows(model: str, signature_name: str, signature: Signature, address: Address) -> str:
    inputs = example(signature)
    row = {name: values(array.reshape(array.shape[1:])) for name, array in inputs.items()}
    instance = next(iter(row.values())) if len(row) == 1 else row
    document = {**_signature_name(signature_name), "instances": [instance]}
    return _rest(model, document, address)


def _columns(model: str, signature_name: str, signature: Signature, address: Address) -> str:
    inputs = example(signature)
    return _rest(model, columns_body(signature_name, inputs), address)


def columns_body(signature_name: str, inputs: Tensors) -> dict[str, Any]:
    """Return the body of a request to /v1, tensor by tensor."""
    columns = {name: values(array) for name, array in inputs.items()}
    return {**_signature_name(signature_name), "inputs": columns}


def _signature_name(name: str) -> dict[str, str]:
    return {} if name == PREDICT_SIGNATURE else {"signature_name": name}


def _rest(model: str, document: Document, address: Address) -> str:
    return curl(address, f"/v1/models/{quote(model, '')}:predict", document)


def _open_inference_http(
    model: str, signature_name: str, signature: Signature, address: Address
) -> str:
    inputs = example(signature)
    path = f"/v2/models/{quote(model, '')}/infer"
    parameters, file = _signature_parameter(signature_name, str), []
    if has_halves(signature.outputs):
        # They come as bytes, which no terminal should show.
        parameters, file = {**parameters, "binary_data_output": True}, ["-o answer"]
    if not has_halves(signature.inputs):
        command = [*address.post(path, _JSON), *file]
        return sent(_infer_body(parameters, inputs), command, "-d", "@-")
    contents = [raw(array) for array in inputs.values()]
    tensors = [
        {**_described(name, array), "parameters": {"binary_data_size": each.size}}
        for (name, array), each in zip(inputs.items(), contents, strict=True)
    ]
    head = json.dumps({**_parameters(parameters), "inputs": tensors})
    body = " + ".join([f"{python(head)}.encode()", *map(python_bytes, contents)])
    length = f"'Inference-Header-Content-Length: {len(head)}'"
    command = [*address.post(path, _BYTES, length), *file, "--data-binary", "@-"]
    return piped(f"import sys; sys.stdout.buffer.write({body})", command)


def infer_body(signature_name: str, inputs: Tensors) -> dict[str, Any]:
    """Return the body of a request to /v2, without halves."""
    return _infer_body(_signature_parameter(signature_name, str), inputs)


def _infer_body(parameters: Document, inputs: Tensors) -> dict[str, Any]:
    tensors = [
        {**_described(name, array), "data": values(array.ravel())} for name, array in inputs.items()
    ]
    return {**_parameters(parameters), "inputs": tensors}


def _open_inference_grpc(
    model: str, signature_name: str, signature: Signature, address: Address
) -> str:
    inputs = example(signature)
    tensors = [_described(name, array) for name, array in inputs.items()]
    document: dict[str, Any] = {
        "model_name": model,
        **_parameters(_signature_parameter(signature_name, lambda text: {"string_param": text})),
        "inputs": tensors,
    }
    if has_halves(signature.inputs):
        # All tensors of a request come in the same way.
        document["raw_input_contents"] = [raw(array) for array in inputs.values()]
    else:
        for tensor, array in zip(tensors, inputs.values(), strict=True):
            tensor["contents"] = {FIELDS[datatype_of_array(array)]: values_in_message(array)}
    options = [] if address.tls else ["-plaintext"]
    if address.with_key:
        options.append('-H "X-API-Key: $KEY"')
    whole = sent(document, ["grpcurl", *options], "-d", "@")
    return f"{whole} {shlex.quote(str(address.grpc))} inference.GRPCInferenceService/ModelInfer"


def _tf_serving_grpc(
    model: str, signature_name: str, signature: Signature, address: Address
) -> str:
    inputs = example(signature)
    named = {"name": model}
    if signature_name != PREDICT_SIGNATURE:
        named["signature_name"] = signature_name
    target = python(address.grpc)
    channel = (
        f"secure_channel({target}, grpc.ssl_channel_credentials())"
        if address.tls
        else f"insecure_channel({target})"
    )
    metadata = ', metadata=[("x-api-key", os.environ["KEY"])]' if address.with_key else ""
    return "\n".join(
        [
            *(["import os", ""] if address.with_key else []),
            "import grpc",
            "import tensorflow",
            "from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc",
            "",
            "request = predict_pb2.PredictRequest()",
            *(f"request.model_spec.{field} = {python(value)}" for field, value in named.items()),
            *(_assignment(name, array) for name, array in inputs.items()),
            f"channel = grpc.{channel}",
            "stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)",
            f"print(stub.Predict(request, timeout=10{metadata}))",
        ]
    )


def _assignment(name: str, array: NDArray[Any]) -> str:
    written = values(array)
    # The last value of a tensor message stands for all that follow.
    value = written.value if isinstance(written, Filled) else written
    arguments = ", ".join(map(python, [value, _dtype(array), [*array.shape]]))
    return f"request.inputs[{python(name)}].CopyFrom(tensorflow.make_tensor_proto({arguments}))"


_WRITERS: Mapping[Dialect, Callable[[str, str, Signature, Address], str]] = {
    "tf_serving_rest_rows": _rows,
    "tf_serving_rest_columns": _columns,
    "open_inference_http": _open_inference_http,
    "open_inference_grpc": _open_inference_grpc,
    "tf_serving_grpc": _tf_serving_grpc,
}


def _signature_parameter(name: str, write: Callable[[str], Any]) -> dict[str, Any]:
    return {} if name == PREDICT_SIGNATURE else {"signature_name": write(name)}


def _parameters(parameters: Document) -> Document:
    return {"parameters": parameters} if parameters else {}


def _described(name: str, array: NDArray[Any]) -> dict[str, Any]:
    return {"name": name, "datatype": datatype_of_array(array), "shape": [*array.shape]}


def has_halves(specs: Mapping[str, TensorSpec]) -> bool:
    """Tell whether a tensor is of a dtype that the protocols' JSON does not have."""
    return any(datatype_of(spec) in ONLY_BINARY for spec in specs.values())


def _dtype(array: NDArray[Any]) -> str:
    return "string" if array.dtype.kind == "O" else array.dtype.name
