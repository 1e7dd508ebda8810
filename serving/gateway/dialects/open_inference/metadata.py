"""What the protocol tells of this server and of a version, before it is put into any form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from serving.contract import TensorSpec
from serving.gateway.dialects.open_inference.datatypes import datatype_of
from serving.gateway.inference.catalog import VersionState
from serving.gateway.inference.live import LiveVersion
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE, PREDICT_SIGNATURE

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
    """A model as one of its versions has it; `versions` are those that can be asked.

    Of the `parameters` that only some versions take, each is there, with whether this one does.
    """

    name: str
    versions: tuple[str, ...]
    platform: str
    inputs: tuple[TensorMetadata, ...]
    outputs: tuple[TensorMetadata, ...]
    parameters: Mapping[str, bool]


def model_metadata(live: LiveVersion, versions: Sequence[VersionState]) -> ModelMetadata:
    """Describe a model as one of its versions has it.

    Raises:
        InvalidInput: the version has no usual signature.
    """
    signature = live.signature(PREDICT_SIGNATURE)
    return ModelMetadata(
        name=live.model,
        versions=tuple(str(each.version) for each in versions if each.available),
        platform=_PLATFORM,
        inputs=_tensors(signature.inputs),
        outputs=_tensors(signature.outputs),
        parameters={"explain": EXPLAIN_SIGNATURE in live.signatures},
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
