"""What the protocol tells of this server and of a version, before it is put into any form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.open_inference.datatypes import datatype_of
from serving.gateway.inference.catalog import VersionState

_PLATFORM = "tensorflow_savedmodel"


@dataclass(frozen=True)
class ServerMetadata:
    """This server; its extensions by the names that Triton gave them, which clients look for."""

    name: str
    version: str
    extensions: tuple[str, ...]


# Of `model_repository` there are the index and the states: nothing is loaded or unloaded from here.
SERVER = ServerMetadata("tfgate", version("tfgate"), ("binary_tensor_data", "model_repository"))


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


def model_metadata(
    name: str, versions: Sequence[VersionState], signature: Signature
) -> ModelMetadata:
    """Describe a model."""
    return ModelMetadata(
        name=name,
        versions=tuple(str(each.version) for each in versions if each.available),
        platform=_PLATFORM,
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
