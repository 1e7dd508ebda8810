"""What a version tells of its tensors in the protocol's words."""

from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.open_inference.metadata import TensorMetadata, model_metadata
from serving.gateway.inference.catalog import VersionState


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

    told = model_metadata("mine", versions, signature)

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
