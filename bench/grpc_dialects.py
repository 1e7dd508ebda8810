"""The two protocols over gRPC: tensors in messages of Open Inference and of TensorFlow Serving."""

from typing import Any

import numpy as np

from bench import binary_tensors
from bench.ask import Reply
from bench.dialects import OPEN_INFERENCE, Dialect
from bench.questions import Question
from bench.workloads import Instance, Workload
from proto.model_pb2 import ModelSpec
from proto.open_inference_pb2 import ModelInferRequest, ModelInferResponse
from proto.predict_pb2 import PredictRequest, PredictResponse
from serving import tensors

_NUMPY = {"FP32": np.float32, "BYTES": object}


def _document(workload: Workload, instances: list[Instance]) -> Any:
    return OPEN_INFERENCE.body(workload, instances) | {"model": workload.model}


def _infer_request(document: Any) -> Question:
    inputs = [
        ModelInferRequest.InferInputTensor(
            name=each["name"], datatype=each["datatype"], shape=each["shape"]
        )
        for each in document["inputs"]
    ]
    request = ModelInferRequest(
        model_name=document["model"],
        inputs=inputs,
        raw_input_contents=binary_tensors.raw_data(document),
    )
    return Question(request.SerializeToString())


def _infer_response(reply: Reply) -> Any:
    response = ModelInferResponse.FromString(reply.body)
    return {
        "outputs": [
            {
                "name": each.name,
                "shape": list(each.shape),
                "data": binary_tensors.data_of(each.datatype, raw),
            }
            for each, raw in zip(response.outputs, response.raw_output_contents, strict=True)
        ]
    }


def _predict_request(document: Any) -> Question:
    spec = ModelSpec(name=document["model"], signature_name="serving_default")
    request = PredictRequest(model_spec=spec)
    for each in document["inputs"]:
        values = [value.encode() if isinstance(value, str) else value for value in each["data"]]
        array = np.array(values, _NUMPY[each["datatype"]]).reshape(each["shape"])
        request.inputs[each["name"]].CopyFrom(tensors.encode(array))
    return Question(request.SerializeToString())


def _predict_response(reply: Reply) -> Any:
    outputs = PredictResponse.FromString(reply.body).outputs
    return {"outputs": [_output(name, tensors.decode(each)) for name, each in outputs.items()]}


def _output(name: str, array: Any) -> Any:
    values = array.ravel().tolist()
    texts = [each.decode() if isinstance(each, bytes) else each for each in values]
    return {"name": name, "shape": array.shape, "data": texts}


OPEN_INFERENCE_GRPC = Dialect(
    "open_inference_grpc",
    lambda _workload: "/inference.GRPCInferenceService/ModelInfer",
    _document,
    OPEN_INFERENCE.read,
    encode=_infer_request,
    decode=_infer_response,
    over_grpc=True,
)
TF_SERVING_GRPC = Dialect(
    "tf_serving_grpc",
    lambda _workload: "/tensorflow.serving.PredictionService/Predict",
    _document,
    OPEN_INFERENCE.read,
    encode=_predict_request,
    decode=_predict_response,
    over_grpc=True,
)
