"""tensorflow-serving-api, as TensorFlow Serving's examples use it: `HOST:PORT QUESTIONS`."""

import json
import sys
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

KERAS = "two_ids_of_keras"
DATATYPES = {"BOOL": "bool", "BYTES": "string", "BF16": "bfloat16"}


def dtype(datatype: str) -> Any:
    name = datatype.lower().replace("fp", "float")
    return tf.as_dtype(DATATYPES.get(datatype, name))


def array(each: dict[str, Any]) -> Any:
    return np.array(each["data"], dtype(each["datatype"]).as_numpy_dtype).reshape(each["shape"])


def predict_request(each: dict[str, Any]) -> Any:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = each["model"]
    request.model_spec.signature_name = each["signature"]
    for given in each["inputs"]:
        request.inputs[given["name"]].CopyFrom(tf.make_tensor_proto(array(given)))
    return request


def outputs(response: Any) -> dict[str, Any]:
    return {name: np.asarray(tf.make_ndarray(each)) for name, each in response.outputs.items()}


def keras(*users: int) -> dict[str, Any]:
    described = {"shape": [len(users)], "datatype": "INT64", "data": list(users)}
    inputs = [{"name": name, **described} for name in ("user", "item")]
    return {"model": KERAS, "signature": "serving_default", "inputs": inputs}


def examples(request: Any, model: str, signature: str, *features: list[float]) -> Any:
    request.model_spec.name = model
    request.model_spec.signature_name = signature
    for values in features:
        example = request.input.example_list.examples.add()
        example.features.feature["x"].float_list.value.extend(values)
    return request


def refusal(call: Any, request: Any, **options: Any) -> Any:
    try:
        call(request, **options)
    except grpc.RpcError as error:
        return {"status": error.code().name, "text": error.details()}
    return "no error"


def read(message: Any) -> Any:
    return json_format.MessageToDict(message, preserving_proto_field_name=True)


def asked_predict(stub: Any, questions: list[Any]) -> dict[str, Any]:
    labelled = predict_request(keras(1, 2))
    labelled.model_spec.version_label = "stable"
    numbered = predict_request(keras(1, 2))
    numbered.model_spec.version.value = 1
    filtered = predict_request(keras(1, 2))
    filtered.output_filter.append("taste")
    pending = [stub.Predict.future(predict_request(keras(1, 2)), 60) for _ in range(8)]
    return {
        "answers": [outputs(stub.Predict(predict_request(each), 60)) for each in questions],
        "same": [
            outputs(each)
            for each in (
                stub.Predict(labelled, 60),
                stub.Predict(numbered, 60),
                *(each.result() for each in pending),
            )
        ],
        "spec": read(stub.Predict(labelled, 60).model_spec),
        "filtered": list(stub.Predict(filtered, 60).outputs),
    }


def asked_with_examples(stub: Any) -> dict[str, Any]:
    classify = examples(
        classification_pb2.ClassificationRequest(), "classifier", "", [0.5, 1.5], [-2, 300]
    )
    regress = examples(
        regression_pb2.RegressionRequest(), "half_plus_two", "regress_x_to_y", [1], [5]
    )
    several = inference_pb2.MultiInferenceRequest()
    for method, signature in (("classify", "classify_x_to_y"), ("regress", "regress_x_to_y")):
        task = several.tasks.add(method_name=f"tensorflow/serving/{method}")
        task.model_spec.name = "half_plus_two"
        task.model_spec.signature_name = signature
    example = several.input.example_list.examples.add()
    example.features.feature["x"].float_list.value.append(2)
    return {
        "classify": read(stub.Classify(classify, 60)),
        "regress": read(stub.Regress(regress, 60)),
        "multi": read(stub.MultiInference(several, 60)),
    }


def asked_about(stub: Any, models: Any) -> dict[str, Any]:
    about = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    about.model_spec.name = KERAS
    metadata = stub.GetModelMetadata(about, 60)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert metadata.metadata["signature_def"].Unpack(signatures)
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = KERAS
    return {
        "spec": read(metadata.model_spec),
        "inputs": {name: sorted(each.inputs) for name, each in signatures.signature_def.items()},
        "status": read(models.GetModelStatus(status, 60)),
    }


def asked_wrongly(stub: Any, models: Any) -> dict[str, Any]:
    square = predict_request(keras(1, 2))
    square.inputs["user"].CopyFrom(tf.make_tensor_proto(np.zeros((2, 2), np.int64)))
    missing = predict_request(keras(1, 2))
    del missing.inputs["item"]
    wrong_dtype = predict_request(keras(1, 2))
    wrong_dtype.inputs["item"].CopyFrom(tf.make_tensor_proto(np.zeros(2, np.int32)))
    reload = model_management_pb2.ReloadConfigRequest()
    return {
        "shape": refusal(stub.Predict, square),
        "missing": refusal(stub.Predict, missing),
        "dtype": refusal(stub.Predict, wrong_dtype),
        "model": refusal(stub.Predict, predict_request({**keras(1), "model": "nobody"})),
        "signature": refusal(stub.Predict, predict_request({**keras(1), "signature": "other"})),
        "reload": refusal(models.HandleReloadConfigRequest, reload),
    }


def plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if value.dtype == tf.bfloat16.as_numpy_dtype:
        value = value.astype(np.float32)
    return value.tolist()


def main(address: str, questions: list[Any]) -> dict[str, Any]:
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        return {
            **asked_predict(stub, questions),
            **asked_with_examples(stub),
            "about": asked_about(stub, models),
            "refused": asked_wrongly(stub, models),
        }


if __name__ == "__main__":
    with open(sys.argv[2]) as file:
        print(json.dumps(main(sys.argv[1], json.load(file)), default=plain))
