from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2, prediction_service_pb2_grpc

from serving.embedded.statuses import StatusError
from tests.contract.tf_serving.saved_models import build_counter, write_warmup
from tests.contract.tf_serving.servers import embedded_server
from tests.damage import WARMUP, cut, make_folder
from tests.serving.embedded.numbered import answer, export_number, request, write_version


def ask_counter(signature: str) -> predict_pb2.PredictRequest:
    message = predict_pb2.PredictRequest()
    message.model_spec.name = "default"
    message.model_spec.signature_name = signature
    return message


def test_requests_are_replayed_before_the_version_is_available(tmp_path: Path) -> None:
    build_counter(tmp_path / "1")
    write_warmup(tmp_path / "1", [ask_counter("incr_counter")] * 3)
    with embedded_server(f"--model_base_path={tmp_path}") as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(ask_counter("get_counter"), timeout=30)
    assert list(response.outputs["output"].float_val) == [3.0]


def test_warmup_can_be_switched_off(tmp_path: Path) -> None:
    write_version(tmp_path, 1, warmup=[predict_pb2.PredictRequest()])
    flags = [f"--model_base_path={tmp_path}", "--enable_model_warmup=false"]
    with embedded_server(*flags) as channel:
        assert answer(channel) == 1


def write_other_file(version: Path) -> None:
    (version / WARMUP).parent.mkdir()
    (version / WARMUP).write_text("no TFRecord file at all")


def write_record(record: bytes) -> Callable[[Path], None]:
    def write(version: Path) -> None:
        (version / WARMUP).parent.mkdir()
        with tf.io.TFRecordWriter(str(version / WARMUP)) as writer:
            writer.write(record)

    return write


def write_half(version: Path) -> None:
    write_warmup(version, [request()])
    cut(WARMUP)(version)


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (
            lambda version: write_warmup(version, [request(), predict_pb2.PredictRequest()]),
            "input size does not match signature: 0!=1",
        ),
        (
            lambda version: write_warmup(version, [request(1)] * 1001),
            "Number of warmup records exceeds the maximum (1000)",
        ),
        (write_other_file, "Please verify your warmup data is in TFRecord format."),
        (
            write_record(prediction_log_pb2.PredictionLog().SerializeToString()),
            "UNIMPLEMENTED: Unsupported log_type for warmup: 0",
        ),
        (
            write_record(b"\xff a"),
            "INVALID_ARGUMENT: Failed to parse warmup record: \ufffd a from /",
        ),
        (write_half, "DATA_LOSS: truncated record at "),
        (make_folder(WARMUP), "tf_serving_warmup_requests; Is a directory"),
        (make_folder(WARMUP), "due to error: FAILED_PRECONDITION: /"),
    ],
)
def test_files_that_fail_the_load(tmp_path: Path, write: Callable[[Path], None], text: str) -> None:
    export_number(tmp_path / "1")
    write(tmp_path / "1")
    flags = [f"--model_base_path={tmp_path}", "--max_num_load_retries=0"]
    with pytest.raises(StatusError) as refusal, embedded_server(*flags):
        raise AssertionError("the server started")
    assert text in refusal.value.message
