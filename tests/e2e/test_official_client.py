"""tensorflow-serving-api's own client gets the answers that the gateway gives."""

from collections.abc import Iterator

import grpc
import httpx
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from serving.models import MODELS
from tests.compare import assert_same


@pytest.fixture
def prediction_service(model_server: str) -> Iterator[PredictionServiceStub]:
    with grpc.insecure_channel(model_server) as channel:
        yield PredictionServiceStub(channel)


@pytest.mark.parametrize("name", MODELS)
def test_the_official_client_and_the_gateway_agree(
    http: httpx.Client, prediction_service: PredictionServiceStub, name: str
) -> None:
    model = MODELS[name]
    request = PredictRequest()
    request.model_spec.name = name
    inputs = model.preprocess([model.example] * 2)
    for input_name, array in inputs.items():
        request.inputs[input_name].CopyFrom(tf.make_tensor_proto(array))

    response = prediction_service.Predict(request, timeout=30)

    outputs = {key: np.array(tf.make_ndarray(value)) for key, value in response.outputs.items()}
    directly = model.postprocess(inputs, outputs, None)[1]
    over_http = http.post(f"/predict/{name}", json=model.example.model_dump(mode="json")).json()
    assert response.model_spec.version.value == over_http["version"]
    assert_same(over_http["prediction"], directly)
