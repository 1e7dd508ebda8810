"""Writes TensorFlow Serving's warm-up file: requests that it replays before a version serves.

The file's place and format are TensorFlow Serving's: a TFRecord of PredictionLog, in
`assets.extra/tf_serving_warmup_requests` of the version's folder.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving.contract import Tensors

FILE_NAME = "assets.extra/tf_serving_warmup_requests"


def write_warmup(version_folder: Path, name: str, requests: Sequence[tuple[str, Tensors]]) -> None:
    """Write a Predict request for each signature with its batch, and one of `describe`."""
    path = version_folder / FILE_NAME
    path.parent.mkdir()
    describe = {"request": np.array([b""], dtype=object)}
    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, batch in requests:
            writer.write(_record(name, signature, batch))
        writer.write(_record(name, "describe", describe))


def _record(name: str, signature: str, tensors: Tensors) -> bytes:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    for tensor_name, tensor in tensors.items():
        request.inputs[tensor_name].CopyFrom(tf.make_tensor_proto(tensor))
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(request)
    return bytes(log.SerializeToString())
