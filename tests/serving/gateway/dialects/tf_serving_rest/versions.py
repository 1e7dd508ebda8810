"""Versions to read bodies for, as the model server would tell of them."""

from proto.metadata_pb2 import SignatureDefMap
from serving.contract import Signature, TensorSpec
from serving.gateway.inference.live import LiveVersion


def live(**signatures: Signature) -> LiveVersion:
    """Return a version with these signatures."""
    definitions = SignatureDefMap()
    for name in signatures:
        definitions.signature_def[name].SetInParent()
    return LiveVersion("model", 1, signatures, definitions)


def taking(**inputs: TensorSpec) -> LiveVersion:
    """Return a version whose default signature takes these inputs."""
    return live(serving_default=Signature(inputs, {"y": TensorSpec("float32")}))
