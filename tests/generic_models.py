"""Generic models, of every kind of signature, as a fake model server serves them."""

from collections.abc import Mapping

import numpy as np

from serving.contract import Signature, Tensors, TensorSpec
from tests.fake_model_server import DEFAULT_SIGNATURE, FakeModelServer, FakeSignature, FakeVersion

# All but those that are missing in one dialect or the other.
_DTYPES = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64"),
    *("float32", "float64", "string"),
)
_SCORE = {"score": TensorSpec("float32", (None,))}

SIGNATURES: Mapping[str, Mapping[str, Signature]] = {
    "forest": {
        DEFAULT_SIGNATURE: Signature(
            {"features": TensorSpec("float32", (None, 4)), "kind": TensorSpec("string", (None,))},
            {**_SCORE, "leaf": TensorSpec("int64", (None, 3))},
        ),
        "one score": Signature({"features": TensorSpec("float32", (None, 4))}, _SCORE),
    },
    "every-dtype": {
        DEFAULT_SIGNATURE: Signature(
            {f"{dtype}_in": TensorSpec(dtype, (None, 2)) for dtype in _DTYPES},
            {f"{dtype}_out": TensorSpec(dtype, (None, 2)) for dtype in _DTYPES},
        )
    },
    "pictures": {
        DEFAULT_SIGNATURE: Signature({"pixels": TensorSpec("uint8", (None, 32, 32, 3))}, _SCORE),
        "many strings": Signature({"it's": TensorSpec("string", (None, 40))}, _SCORE),
    },
    "halves": {
        DEFAULT_SIGNATURE: Signature(
            {"h": TensorSpec("float16", (None, 50)), "b": TensorSpec("bfloat16", (None,))},
            {"half_score": TensorSpec("float16", (None,))},
        ),
        "mixed": Signature(
            {"h": TensorSpec("float16", (None, 2)), "text": TensorSpec("string", (None, 40))},
            _SCORE,
        ),
    },
    "short": {DEFAULT_SIGNATURE: Signature({"u": TensorSpec("uint16", (None, 3))}, _SCORE)},
    "without a batch": {
        DEFAULT_SIGNATURE: Signature(
            {"scale": TensorSpec("float32", ()), "grid": TensorSpec("int32", (2, 3))},
            {"total": TensorSpec("float32", ())},
        ),
        "sizes": Signature(
            {"any": TensorSpec("float32", (None, None, 2)), "rank": TensorSpec("float32", None)},
            {"total": TensorSpec("float32", ())},
        ),
    },
    "naïve model": {DEFAULT_SIGNATURE: Signature({'naïve "x"': TensorSpec("int8")}, _SCORE)},
    "complex": {
        "spectrum": Signature({"z": TensorSpec("complex64", (None,))}, _SCORE),
    },
}


def ones(signature: Signature) -> FakeSignature:
    """Answer every row with ones."""

    def run(inputs: Tensors) -> Tensors:
        size = next((len(array) for array in inputs.values() if array.ndim), 1)
        return {
            name: np.full(
                [size if each is None else each for each in spec.shape or ()],
                b"1" if spec.dtype == "string" else 1,
                spec.numpy_dtype,
            )
            for name, spec in signature.outputs.items()
        }

    return FakeSignature(signature, run)


def generic_version(model: str) -> FakeVersion:
    """Make a version of one of these models."""
    return FakeVersion({name: ones(signature) for name, signature in SIGNATURES[model].items()})


def generic_models(*names: str) -> FakeModelServer:
    """Serve version 1 of these models, or of all, and no typed one."""
    return FakeModelServer({name: {1: generic_version(name)} for name in names or SIGNATURES})
