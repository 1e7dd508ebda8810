"""Tensors whose rows differ from a signature's only by brackets around single values.

TF Serving's own first example is one: `[1.0, 2.0, 5.0]` for a signature of the shape [batch, 1].
"""

from collections.abc import Awaitable, Sequence

from serving.contract import Signature, Tensors, TensorSpec
from serving.errors import RejectedByModel
from serving.gateway.inference.input_check import check_inputs


def differ(inputs: Tensors, signature: Signature) -> bool:
    """Tell whether inputs do not fit, but would if dimensions of size one did not count.

    Whether a graph takes them nobody knows but the graph.
    """
    if inputs.keys() != signature.inputs.keys():
        return False
    pairs = [(array.shape, signature.inputs[name]) for name, array in inputs.items()]
    return not all(spec.admits(shape) for shape, spec in pairs) and all(
        _fits(shape, spec) for shape, spec in pairs
    )


def num_rows(inputs: Tensors) -> int:
    """Return the number of rows of such inputs, as far as they have any."""
    return max(len(array) if array.ndim else 1 for array in inputs.values())


async def explained(relayed: Awaitable[bytes], inputs: Tensors, signature: Signature) -> bytes:
    """Return the answer of such inputs, which are passed on alone and as they came.

    Raises:
        InvalidInput: the graph stumbled, and the shapes are why.
        TfgateError: the model server could not answer.
    """
    try:
        return await relayed
    except RejectedByModel:
        check_inputs(inputs, signature)
        raise


def _fits(shape: tuple[int, ...], spec: TensorSpec) -> bool:
    if spec.shape is None:
        return True
    if spec.has_batch and shape:
        return _agree(shape[1:], spec.shape[1:])
    return _agree(shape, spec.shape)


def _agree(shape: Sequence[int], expected: Sequence[int | None]) -> bool:
    """Tell whether all other sizes than one are those expected, in their order."""
    given = [size for size in shape if size != 1]
    # How many of those given the sizes so far may have taken: one of any size may be one.
    taken = {0}
    for size in expected:
        if size is None:
            taken |= {number + 1 for number in taken if number < len(given)}
        elif size != 1:
            taken = {
                number + 1 for number in taken if number < len(given) and given[number] == size
            }
    return len(given) in taken
