"""Replaying a version's recorded requests before it becomes available; answers are thrown away."""

import logging
from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from serving.embedded import example_calls
from serving.embedded.saved_model import is_there
from serving.embedded.servable import Servable
from serving.embedded.session import status_of
from serving.embedded.signature import CLASSIFY_METHOD, REGRESS_METHOD
from serving.embedded.statuses import StatusError, invalid_argument

# saved_model_warmup_util.h
WARMUP_FILE = Path("assets.extra") / "tf_serving_warmup_requests"
MOST_RECORDS = 1000

_log = logging.getLogger(__name__)


def warm_up(servable: Servable, directory: Path, iterations: int) -> None:
    """Replay the warm-up file of a version, each record `iterations` times, if it has one.

    Raises:
        StatusError: DATA_LOSS for a file that is no TFRecord file, INVALID_ARGUMENT for too many
            records or one that is no PredictionLog, otherwise what the file system says of the
            file or a replayed request raised.
    """
    path = directory / WARMUP_FILE
    if not is_there(path):
        return
    records = 0
    try:
        for record in tf.compat.v1.io.tf_record_iterator(str(path)):
            for _ in range(iterations):
                _replay(servable, record, path)
            records += 1
            if records > MOST_RECORDS:
                raise invalid_argument(
                    f"Number of warmup records exceeds the maximum ({MOST_RECORDS}) at {path}"
                )
    except tf.errors.DataLossError as error:
        raise StatusError(
            grpc.StatusCode.DATA_LOSS,
            f"{error.message}. Please verify your warmup data is in TFRecord format.",
        ) from error
    except tf.errors.OpError as error:
        raise status_of(error) from error
    _log.debug("Warmed up with %d requests from %s", records, path)


def _replay(servable: Servable, record: bytes, path: Path) -> None:
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        text = record.decode(errors="replace")
        raise invalid_argument(f"Failed to parse warmup record: {text} from {path}") from error
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        servable.predict(log.predict_log.request)
    elif kind == "classify_log":
        example_calls.run_one(servable, CLASSIFY_METHOD, log.classify_log.request, None)
    elif kind == "regress_log":
        example_calls.run_one(servable, REGRESS_METHOD, log.regress_log.request, None)
    elif kind == "multi_inference_log":
        example_calls.run_many(servable, log.multi_inference_log.request, None)
    else:
        number = log.DESCRIPTOR.fields_by_name[kind].number if kind else 0
        raise StatusError(
            grpc.StatusCode.UNIMPLEMENTED, f"Unsupported log_type for warmup: {number}"
        )
