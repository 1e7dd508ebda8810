from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving.embedded.statuses import StatusError
from tests.contract.tf_serving.servers import embedded_server
from tests.serving.embedded.numbered import answer, request, states, write_version
from tests.stack import wait_until

WARMUP = Path("assets.extra") / "tf_serving_warmup_requests"


def test_requests_are_replayed_before_the_version_is_available(tmp_path: Path) -> None:
    write_version(tmp_path, 1, warmup=[request(rows) for rows in (1, 2, 3)])
    with embedded_server(f"--model_base_path={tmp_path}") as channel:
        assert answer(channel) == 1


def test_a_record_that_fails_fails_the_load(tmp_path: Path) -> None:
    write_version(tmp_path, 1)
    with embedded_server(f"--model_base_path={tmp_path}", "--max_num_load_retries=0") as channel:
        write_version(tmp_path, 2, warmup=[request(), predict_pb2.PredictRequest()])
        wait_until(lambda: states(channel).get(2, ("", ""))[0] == "END", "giving up")
        assert states(channel)[2][1].startswith("input size does not match signature: 0!=1")
        assert answer(channel) == 1


def test_warmup_can_be_switched_off(tmp_path: Path) -> None:
    write_version(tmp_path, 1, warmup=[predict_pb2.PredictRequest()])
    flags = [f"--model_base_path={tmp_path}", "--enable_model_warmup=false"]
    with embedded_server(*flags) as channel:
        assert answer(channel) == 1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"no TFRecord file at all", "Please verify your warmup data is in TFRecord format."),
        (None, "Number of warmup records exceeds the maximum (1000)"),
        (prediction_log_pb2.PredictionLog(), "Unsupported log_type for warmup: 0"),
    ],
)
def test_files_that_are_refused(
    tmp_path: Path, content: bytes | prediction_log_pb2.PredictionLog | None, text: str
) -> None:
    write_version(tmp_path, 1, warmup=[request(1)] * 1001 if content is None else [request(1)])
    path = tmp_path / "1" / WARMUP
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        with tf.io.TFRecordWriter(str(path)) as writer:
            writer.write(content.SerializeToString())
    flags = [f"--model_base_path={tmp_path}", "--max_num_load_retries=0"]
    with pytest.raises(StatusError) as refusal, embedded_server(*flags):
        raise AssertionError("the server started")
    assert text in refusal.value.message
