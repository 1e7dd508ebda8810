"""What the protocol tells of this server and of a version, before it is put into any form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.open_inference.datatypes import datatype_of

SERVER_NAME = "tfgate"
SERVER_VERSION = version("tfgate")
PLATFORM = "tensorflow_savedmodel"
# By the names that Triton gave them: clients look for these. Of `model_repository` there are the
# index and the states; nothing is loaded or unloaded from here.
EXTENSIONS = ("binary_tensor_data", "model_repository")


@dataclass(frozen=True)
class TensorMetadata:
    """A tensor of a signature; -1 in `shape` is any size."""

    name: str
    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True)
class ModelMetadata:
    """A model as one of its versions has it; `versions` are those that can be asked."""

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]


def model_metadata(name: str, versions: Sequence[int], signature: Signature) -> ModelMetadata:
    """Describe a model."""
    return ModelMetadata(
        name=name,
        versions=tuple(map(str, versions)),
        platform=PLATFORM,
        inputs=_tensors(signature.inputs),
        outputs=_tensors(signature.outputs),
    )


def _tensors(specs: Mapping[str, TensorSpec]) -> tuple[TensorMetadata, ...]:
    return tuple(
        TensorMetadata(name, datatype_of(spec), _shape(spec)) for name, spec in specs.items()
    )


def _shape(spec: TensorSpec) -> tuple[int, ...]:
    # The protocol cannot say that not even the number of dimensions is known.
    if spec.shape is None:
        return (-1,)
    return tuple(-1 if size is None else size for size in spec.shape)
