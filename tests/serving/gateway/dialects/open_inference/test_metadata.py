"""What a version tells of its tensors in the protocol's words."""

from dataclasses import replace

from proto.metadata_pb2 import SignatureDefMap
from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.open_inference.metadata import TensorMetadata, model_metadata
from serving.gateway.inference.catalog import VersionState
from serving.gateway.inference.live import LiveVersion


def test_a_version_tells_its_tensors() -> None:
    signature = Signature(
        inputs={
            "text": TensorSpec("string", (None,)),
            "pixels": TensorSpec("uint8", (None, 32, None, 3)),
            "scale": TensorSpec("bfloat16", ()),
            "anything": TensorSpec("float32", None),
        },
        outputs={"scores": TensorSpec("float16", (None, 2)), "wave": TensorSpec("complex64")},
    )

    states = {3: "AVAILABLE", 2: "END", 1: "AVAILABLE"}
    versions = [VersionState(number, state, None, None) for number, state in states.items()]

    mute = LiveVersion("mine", 3, {"serving_default": signature}, SignatureDefMap())
    told = model_metadata(mute, versions)

    assert told.name == "mine"
    assert told.versions == ("3", "1")
    assert told.platform == "tensorflow_savedmodel"
    assert told.inputs == (
        TensorMetadata("text", "BYTES", (-1,)),
        TensorMetadata("pixels", "UINT8", (-1, 32, -1, 3)),
        TensorMetadata("scale", "BF16", ()),
        TensorMetadata("anything", "FP32", (-1,)),
    )
    assert told.outputs == (
        TensorMetadata("scores", "FP16", (-1, 2)),
        TensorMetadata("wave", "COMPLEX64", (-1,)),
    )
    assert told.parameters == {"explain": False}

    signatures = {**mute.signatures, "explain": signature}
    assert model_metadata(replace(mute, signatures=signatures), versions).parameters == {
        "explain": True
    }
