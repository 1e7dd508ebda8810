"""Our messages against tensorflow-serving-api's: each side reads all that the other writes."""

from typing import Any

import numpy as np
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from tensorflow.core.example import example_pb2 as official_example
from tensorflow.core.framework import tensor_pb2 as official_tensor
from tensorflow.core.protobuf import saved_model_pb2 as official_saved_model
from tensorflow_serving.apis import classification_pb2 as official_classification
from tensorflow_serving.apis import get_model_metadata_pb2 as official_metadata
from tensorflow_serving.apis import get_model_status_pb2 as official_status
from tensorflow_serving.apis import inference_pb2 as official_inference
from tensorflow_serving.apis import model_management_pb2 as official_management
from tensorflow_serving.apis import predict_pb2 as official_predict
from tensorflow_serving.apis import prediction_log_pb2 as official_log
from tensorflow_serving.apis import regression_pb2 as official_regression

from proto import (
    classification_pb2,
    example_calls_pb2,
    management_pb2,
    metadata_pb2,
    predict_pb2,
    prediction_log_pb2,
    regression_pb2,
    saved_model_pb2,
    status_pb2,
    tensor_pb2,
)

PAIRS = [
    (tensor_pb2.TensorProto, official_tensor.TensorProto),
    (predict_pb2.PredictRequest, official_predict.PredictRequest),
    (predict_pb2.PredictResponse, official_predict.PredictResponse),
    (metadata_pb2.GetModelMetadataRequest, official_metadata.GetModelMetadataRequest),
    (metadata_pb2.SignatureDefMap, official_metadata.SignatureDefMap),
    (classification_pb2.ClassificationRequest, official_classification.ClassificationRequest),
    (regression_pb2.RegressionRequest, official_regression.RegressionRequest),
    (regression_pb2.RegressionResponse, official_regression.RegressionResponse),
    (status_pb2.GetModelStatusRequest, official_status.GetModelStatusRequest),
    (status_pb2.GetModelStatusResponse, official_status.GetModelStatusResponse),
    (management_pb2.ReloadConfigRequest, official_management.ReloadConfigRequest),
    (management_pb2.ReloadConfigResponse, official_management.ReloadConfigResponse),
    (saved_model_pb2.SavedModel, official_saved_model.SavedModel),
    (prediction_log_pb2.PredictionLog, official_log.PredictionLog),
]


@pytest.mark.parametrize("choice", [0, 1, 2], ids=lambda choice: f"oneof-{choice}")
def test_every_field_travels_both_ways(choice: int) -> None:
    for ours, official in PAIRS:
        assert issubclass(ours, Message)
        assert issubclass(official, Message)
        sent = ours()
        fill(sent, choice)

        received = official.FromString(sent.SerializeToString())
        returned = ours.FromString(received.SerializeToString())

        assert as_dict(received) == as_dict(sent), sent.DESCRIPTOR.full_name
        assert returned == sent, sent.DESCRIPTOR.full_name


def test_examples_are_counted_without_being_read() -> None:
    example = official_example.Example()
    example.features.feature["x"].float_list.value.append(1)
    for kind in ("example_list", "example_list_with_context"):
        classify = official_classification.ClassificationRequest()
        regress = official_regression.RegressionRequest()
        several = official_inference.MultiInferenceRequest()
        for official in (classify, regress, several):
            getattr(official.input, kind).examples.extend([example, example])
        for spec in (
            *(classify.model_spec, regress.model_spec),
            *(several.tasks.add().model_spec, several.tasks.add().model_spec),
        ):
            spec.name, spec.version.value, spec.signature_name = "m", 3, "s"

        for one in (classify, regress):
            read = example_calls_pb2.ExampleRequest.FromString(one.SerializeToString())
            assert as_dict(read.model_spec) == as_dict(one.model_spec)
            assert read.input.WhichOneof("kind") == kind
            assert len(getattr(read.input, kind).examples) == 2
        content = several.SerializeToString()
        tasks = example_calls_pb2.MultiInferenceRequest.FromString(content)
        assert [task.model_spec.name for task in tasks.tasks] == ["m", "m"]
        assert len(getattr(tasks.input, kind).examples) == 2


def test_a_tensor_and_an_answer_in_bytes_have_the_fields_of_the_typed_ones() -> None:
    for typed, in_bytes in (
        (tensor_pb2.TensorProto, tensor_pb2.TensorBytes),
        (predict_pb2.PredictResponse, predict_pb2.PredictResponseBytes),
    ):
        numbers = [
            {field.name: field.number for field in kind.DESCRIPTOR.fields}
            for kind in (typed, in_bytes)
        ]
        assert numbers[0] == numbers[1]


def test_floats_as_bytes_are_the_floats_of_a_tensor() -> None:
    values = [1.5, -2.0, float("inf")]
    for field, dtype in (("float_val", "<f4"), ("double_val", "<f8")):
        packed = tensor_pb2.TensorBytes()
        setattr(packed, field, np.array(values, dtype).tobytes())

        tensor = official_tensor.TensorProto.FromString(packed.SerializeToString())

        assert list(getattr(tensor, field)) == values


def test_metadata_arrives_as_any_of_the_official_type() -> None:
    official = official_metadata.GetModelMetadataResponse()
    signatures = official_metadata.SignatureDefMap()
    signatures.signature_def["serving_default"].inputs["x"].name = "x:0"
    official.metadata["signature_def"].Pack(signatures)

    response = metadata_pb2.GetModelMetadataResponse.FromString(official.SerializeToString())
    content = metadata_pb2.SignatureDefMap.FromString(response.metadata["signature_def"].value)

    assert content.signature_def["serving_default"].inputs["x"].name == "x:0"


def test_labels_arrive_that_are_no_utf8() -> None:
    official = official_classification.ClassificationResponse()
    official.result.classifications.add().classes.add(label="AA", score=0.5)
    content = official.SerializeToString().replace(b"AA", b"\xff\xff")

    response = classification_pb2.ClassificationResponse.FromString(content)

    [found] = response.result.classifications[0].classes
    assert (found.label, found.score) == (b"\xff\xff", 0.5)


def as_dict(message: Message) -> dict[str, object]:
    return MessageToDict(message, preserving_proto_field_name=True, use_integers_for_enums=True)


def fill(message: Message, choice: int) -> None:
    """Set every field of a message and of all below it; of each oneof the one at `choice`."""
    for field in message.DESCRIPTOR.fields:
        oneof = field.containing_oneof
        if oneof is not None and oneof.fields[choice % len(oneof.fields)] is not field:
            continue
        if field.message_type is None:
            set_scalar(message, field)
        elif field.message_type.GetOptions().map_entry:
            set_map(getattr(message, field.name), field, choice)
        elif field.is_repeated:
            for _ in range(2):
                fill(getattr(message, field.name).add(), choice)
        else:
            getattr(message, field.name).SetInParent()
            fill(getattr(message, field.name), choice)


def set_map(entries: Any, field: Any, choice: int) -> None:
    value = field.message_type.fields_by_name["value"]
    if value.message_type is None:
        entries["key"] = scalar(value)
    else:
        fill(entries["key"], choice)


def set_scalar(message: Message, field: Any) -> None:
    if field.is_repeated:
        getattr(message, field.name).extend([scalar(field)] * 2)
    else:
        setattr(message, field.name, scalar(field))


def scalar(field: Any) -> object:
    match field.cpp_type:
        case FieldDescriptor.CPPTYPE_STRING:
            is_bytes = field.type == FieldDescriptor.TYPE_BYTES
            return field.name.encode() if is_bytes else field.name
        case FieldDescriptor.CPPTYPE_BOOL:
            return True
        case FieldDescriptor.CPPTYPE_ENUM:
            return field.enum_type.values[-1].number
        case _:
            return field.number
