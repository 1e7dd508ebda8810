"""TensorFlow Serving's gRPC, with its own messages and TensorFlow's own tensors."""

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis.predict_pb2 import PredictRequest, PredictResponse

from serving.contract import Tensors
from tests.foreign.dialects.grpc_calls import call
from tests.foreign.gateway import Gateway
from tests.foreign.models import Question

METHOD = "/tensorflow.serving.PredictionService/Predict"


def ask_predict(gateway: Gateway, model: str, question: Question) -> Tensors:
    """Call Predict."""
    request = PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = question.signature
    for name, array in question.inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(array))
    response = call(gateway, METHOD, request, PredictResponse)
    return {name: np.asarray(tf.make_ndarray(each)) for name, each in response.outputs.items()}
