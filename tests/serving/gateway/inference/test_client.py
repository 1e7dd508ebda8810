"""What the messages to and from the model server say, however they are written."""

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.tensor_pb2 import DT_FLOAT, TensorProto
from serving import tensors
from serving.gateway.inference.client import predict_request, read_answer
from serving.gateway.inference.model_ref import ModelRef, Question

FOUR = TensorProto(dtype=DT_FLOAT, tensor_shape={"dim": [{"size": 2}, {"size": 2}]})
QUESTIONS = [
    Question(ModelRef("m")),
    Question(ModelRef("m", version=2)),
    Question(ModelRef("m", version=3)),
    Question(ModelRef("m", label="stable")),
    Question(ModelRef("n", version=2)),
    Question(ModelRef("m", version=2), "describe"),
    Question(ModelRef("m", version=2), outputs=("y", "z")),
    Question(ModelRef("m", version=2), outputs=("z",)),
]


def test_each_question_is_asked_as_it_is() -> None:
    for question in QUESTIONS * 2:
        request = PredictRequest.FromString(predict_request(question, {"x": np.ones((1, 2))}))

        spec = request.model_spec
        number = spec.version.value if spec.HasField("version") else None
        assert ModelRef(spec.name, number, spec.version_label or None) == question.ref
        assert spec.signature_name == question.signature
        assert tuple(request.output_filter) == question.outputs
        assert tensors.decode(request.inputs["x"]).tolist() == [[1, 1]]


def test_answers_of_several_versions_are_told_apart() -> None:
    for version in (1, 2**40, 1):
        response = PredictResponse()
        response.model_spec.version.value = version
        tensors.encode_typed(response.outputs, {"y": np.array([1.5, version])})

        answer = read_answer(response.SerializeToString())

        assert answer.version == version
        assert answer.outputs["y"].tolist() == [1.5, version]


def test_an_answer_without_its_version_has_version_0() -> None:
    assert read_answer(b"").version == 0


@pytest.mark.parametrize(
    "floats",
    [
        *(b"\x2a\x10" + np.array([1, 2, 3, 4], "<f4").tobytes(),),
        b"".join(b"\x2d" + np.float32(each).tobytes() for each in (1, 2, 3, 4)),
        b"".join(b"\x2a\x08" + np.array(two, "<f4").tobytes() for two in ([1, 2], [3, 4])),
        b"\x2d" + np.float32(1).tobytes() + b"\x2a\x0c" + np.array([2, 3, 4], "<f4").tobytes(),
    ],
    ids=["packed", "not packed", "in two pieces", "mixed"],
)
def test_floats_are_read_however_they_are_written(floats: bytes) -> None:
    """All of these are the same to protobuf; TensorFlow Serving writes the first."""
    tensor = FOUR.SerializeToString() + floats
    entry = b"\x0a\x01y\x12" + bytes([len(tensor)]) + tensor

    answer = read_answer(b"\x0a" + bytes([len(entry)]) + entry)

    assert answer.outputs["y"].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "answer",
    [b"\xff\xff", b"\x12\x02\xff\xff", b"\x0a\x0a\x0a\x01y\x12\x05\x12\x03\x12\xff\xff"],
    ids=["answer", "version", "shape"],
)
def test_an_answer_that_is_none_is_refused(answer: bytes) -> None:
    with pytest.raises(DecodeError):
        read_answer(answer)


def test_a_tensor_that_cannot_be_read_says_why() -> None:
    response = PredictResponse()
    response.outputs["y"].CopyFrom(TensorProto(dtype=8, tensor_shape={"dim": [{"size": 1}]}))  # type: ignore[arg-type]

    with pytest.raises(ValueError, match="complex64"):
        read_answer(response.SerializeToString())
