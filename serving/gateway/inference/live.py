"""What a version says of its own signatures, read from the model server."""

from collections.abc import Mapping
from dataclasses import dataclass

from proto.metadata_pb2 import SignatureDef, SignatureDefMap, TensorInfo
from serving.contract import Signature, TensorSpec
from serving.errors import FieldError, InvalidInput, NotExplainable
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE
from serving.tensors import dtype_name

# What a SavedModel keeps for itself, such as the operation that restores its variables.
_HIDDEN = "__saved_model_"


@dataclass(frozen=True)
class LiveVersion:
    """A version with its signatures; `definitions` are the same as the model server tells them."""

    model: str
    version: int
    signatures: Mapping[str, Signature]
    definitions: SignatureDefMap

    def signature(self, name: str) -> Signature:
        """Return a signature.

        Raises:
            InvalidInput: there is none of that name.
            NotExplainable: it is the one that says why, which not every version has.
        """
        found = self.signatures.get(name)
        if found is None and name == EXPLAIN_SIGNATURE:
            message = f"version {self.version} of {self.model} has no signature explain"
            raise NotExplainable(message)
        if found is None:
            there = ", ".join(sorted(self.signatures)) or "none"
            message = f"version {self.version} of {self.model} has no signature {name[:100]!r}"
            field = FieldError("signature_name", f"must be one of {there}", name[:100])
            raise InvalidInput(f"{message}; there are {there}", fields=[field])
        return found


def unfit(candidate: LiveVersion, stable: LiveVersion) -> str | None:
    """Say what a version does not take, or give, that another does; None if it can stand in."""
    for name, there in stable.signatures.items():
        what, found = f"version {candidate.version}", candidate.signatures.get(name)
        if found is None:
            return f"{what} has no signature {name}, which version {stable.version} has"
        sides = [("input", there.inputs, found.inputs), ("output", there.outputs, found.outputs)]
        for side, specs, others in sides:
            for each, spec in specs.items():
                if each not in others or others[each].dtype != spec.dtype:
                    told = others.get(each, "missing")
                    return f"{what} has another {name}: the {side} {each} is {told}, and was {spec}"
        more = found.inputs.keys() - there.inputs.keys() - found.optional
        if more:
            return f"{what} has another {name}: it needs the input {min(more)} as well"
    return None


def live_version(model: str, version: int, definitions: SignatureDefMap) -> LiveVersion:
    """Read the signatures of a version."""
    signatures = {
        name: _signature(definition)
        for name, definition in sorted(definitions.signature_def.items())
        if not name.startswith(_HIDDEN)
    }
    return LiveVersion(model, version, signatures, definitions)


def _signature(definition: SignatureDef) -> Signature:
    return Signature(
        inputs=_specs(definition.inputs),
        outputs=_specs(definition.outputs),
        optional=frozenset(definition.defaults),
    )


def _specs(infos: Mapping[str, TensorInfo]) -> dict[str, TensorSpec]:
    return {name: _spec(info) for name, info in sorted(infos.items())}


def _spec(info: TensorInfo) -> TensorSpec:
    if info.tensor_shape.unknown_rank:
        return TensorSpec(dtype_name(info.dtype), None)
    sizes = [None if dim.size < 0 else dim.size for dim in info.tensor_shape.dim]
    return TensorSpec(dtype_name(info.dtype), tuple(sizes))
