"""Reads the requests that a version is warmed up with, from a file of TensorFlow's records.

Source of the format: tensorflow/core/lib/io/record_writer.h: the length as 8 bytes, its checksum as
4, the record, and the record's checksum as 4.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.message import DecodeError

from proto.predict_pb2 import PredictRequest
from proto.prediction_log_pb2 import PredictionLog

FILE_NAME = "assets.extra/tf_serving_warmup_requests"
MAX_RECORDS = 1000  # TensorFlow Serving's kMaxNumRecords: a version with more does not load


@dataclass(frozen=True)
class Warmup:
    """The records of the file, the requests to predict among them, and whether it is whole."""

    num_records: int
    requests: tuple[PredictRequest, ...]
    is_whole: bool


def read_warmup(folder: Path) -> Warmup | None:
    """Read the warm-up file of a version's folder, if it has one."""
    path = folder / FILE_NAME
    if not path.is_file():
        return None
    requests, number = [], 0
    try:
        for record in _records(path.read_bytes()):
            number += 1
            log = PredictionLog.FromString(record)
            if log.HasField("predict_log"):
                requests.append(log.predict_log.request)
    except (DecodeError, EOFError):
        return Warmup(number, tuple(requests), is_whole=False)
    return Warmup(number, tuple(requests), is_whole=True)


def _records(content: bytes) -> Iterator[bytes]:
    """Cut the file apart; checksums are the model server's business.

    Raises:
        EOFError: it ends within a record.
    """
    position = 0
    while position < len(content):
        start = position + 12
        end = start + int.from_bytes(content[position : position + 8], "little")
        if end + 4 > len(content):
            raise EOFError
        yield content[start:end]
        position = end + 4
