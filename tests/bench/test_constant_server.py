"""The model server that computes nothing answers as one that a gateway takes for real."""

import pytest

from bench.constant_server import VERSIONS, describe, predict, states
from proto.metadata_pb2 import GetModelMetadataRequest, GetModelMetadataResponse, SignatureDefMap
from proto.predict_pb2 import PredictRequest, PredictResponse
from proto.status_pb2 import GetModelStatusRequest, GetModelStatusResponse
from serving import tensors
from serving.models import MODELS


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_answers_each_row(model: str, version: int) -> None:
    example = MODELS[model]
    request = PredictRequest()
    request.model_spec.name, request.model_spec.version.value = model, version
    tensors.encode_all(request.inputs, example.preprocess([example.example] * 3))

    response = PredictResponse.FromString(predict(request.SerializeToString()))

    assert response.model_spec.version.value == version
    for name, spec in example.signature.outputs.items():
        array = tensors.decode(response.outputs[name])
        assert len(array) == 3
        assert spec.admits(array.shape)
        assert array.dtype == spec.numpy_dtype


@pytest.mark.parametrize("model", MODELS)
def test_it_has_the_declared_signature_and_says_that_it_is_there(model: str) -> None:
    asked = GetModelMetadataRequest()
    asked.model_spec.name = model
    metadata = GetModelMetadataResponse.FromString(describe(asked.SerializeToString()))
    found = SignatureDefMap.FromString(metadata.metadata["signature_def"].value)
    [definition] = found.signature_def.values()
    assert definition.inputs.keys() == MODELS[model].signature.inputs.keys()

    status = GetModelStatusRequest()
    status.model_spec.name = model
    told = GetModelStatusResponse.FromString(states(status.SerializeToString()))
    assert [each.version for each in told.model_version_status] == list(VERSIONS)
