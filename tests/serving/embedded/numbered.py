"""A model whose versions answer with their own number, and the calls that ask it."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.contract.tf_serving.saved_models import write_warmup

State = get_model_status_pb2.ModelVersionStatus.State


def export_number(version: Path, number: int = 1) -> None:
    """Save a graph with one variable, the number."""
    module = tf.Module()
    module.number = tf.Variable(float(number))

    def answer_number(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"number": tf.zeros_like(x) + module.number}

    signature = tf.function(answer_number).get_concrete_function(
        x=tf.TensorSpec([None], tf.float32, "x")
    )
    tf.saved_model.save(module, str(version), signatures={"serving_default": signature})


def write_version(
    base_path: Path, number: int, warmup: Sequence[predict_pb2.PredictRequest] = ()
) -> None:
    """Publish a version the way an exporter should: written beside, then renamed."""
    written = base_path / f"tmp-{number}"
    export_number(written, number)
    if warmup:
        write_warmup(written, warmup)
    written.rename(base_path / str(number))


def remove_version(base_path: Path, number: int) -> None:
    hidden = (base_path / str(number)).rename(base_path / f"old-{number}")
    shutil.rmtree(hidden)


def request(rows: int = 3, label: str = "", model: str = "default") -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = model
    if label:
        message.model_spec.version_label = label
    message.inputs["x"].CopyFrom(tf.make_tensor_proto([0.0] * rows, tf.float32))
    return message


def answer(channel: grpc.Channel, message: predict_pb2.PredictRequest | None = None) -> int:
    """Ask for the number; all rows and the answer's version must agree on it."""
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    response = stub.Predict(message or request(), timeout=30)
    version: int = response.model_spec.version.value
    assert set(response.outputs["number"].float_val) == {float(version)}
    return version


def states(channel: grpc.Channel) -> dict[int, tuple[str, str]]:
    """Return version -> (state, error text)."""
    message = get_model_status_pb2.GetModelStatusRequest()
    message.model_spec.name = "default"
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    reported = stub.GetModelStatus(message, timeout=30).model_version_status
    return {v.version: (State.Name(v.state), v.status.error_message) for v in reported}
