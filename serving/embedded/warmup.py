"""Replaying a version's recorded requests before it becomes available; answers are thrown away."""

import logging
from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from serving.embedded.servable import Servable
from serving.embedded.session import status_of
from serving.embedded.statuses import StatusError, invalid_argument

# saved_model_warmup_util.h
WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MOST_RECORDS = 1000

_log = logging.getLogger(__name__)


def warm_up(servable: Servable, directory: Path, iterations: int) -> None:
    """Replay the warm-up file of a version, each record `iterations` times, if it has one.

    Raises:
        StatusError: DATA_LOSS for a file that is no TFRecord file, INVALID_ARGUMENT for too many
            records or one that is no PredictionLog, otherwise what a replayed request raised.
    """
    path = directory / WARMUP_FILE
    if not path.exists():
        return
    records = 0
    for record in _read(path):
        for _ in range(iterations):
            _replay(servable, record, path)
        records += 1
        if records > MOST_RECORDS:
            raise invalid_argument(
                f"Number of warmup records exceeds the maximum ({MOST_RECORDS}) at {path}"
            )
    _log.info("Warmed up with %d requests from %s", records, path)


def _read(path: Path) -> list[bytes]:
    try:
        return list(tf.compat.v1.io.tf_record_iterator(str(path)))
    except tf.errors.DataLossError as error:
        raise StatusError(
            grpc.StatusCode.DATA_LOSS,
            f"{status_of(error).message}. Please verify your warmup data is in TFRecord format.",
        ) from error


def _replay(servable: Servable, record: bytes, path: Path) -> None:
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise invalid_argument(f"Failed to parse warmup record: {record!r} from {path}") from error
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        servable.predict(log.predict_log.request)
        return
    number = prediction_log_pb2.PredictionLog.DESCRIPTOR.fields_by_name[kind].number if kind else 0
    raise StatusError(grpc.StatusCode.UNIMPLEMENTED, f"Unsupported log_type for warmup: {number}")
