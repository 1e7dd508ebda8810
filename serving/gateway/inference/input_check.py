"""Whether tensors are what a signature asks for; nobody else looks.

TensorFlow Serving checks no shape: a wrong one ends in the text of whichever kernel stumbles first.
"""

from collections.abc import Iterator
from math import prod

from serving.contract import Signature, Tensors
from serving.errors import FieldError, InvalidInput

_MAX_NAME = 100  # characters that are told
# What the sizes of a tensor without elements may come to, its zeros left out: such a shape costs
# its sender nothing, and a graph that answers so many rows the model server all its memory.
_MAX_OF_NOTHING = 1_000_000


def check_inputs(inputs: Tensors, signature: Signature) -> int:
    """Return the number of rows; 1 for a signature whose outputs have no batch.

    Raises:
        InvalidInput: with every input that is missing, unknown, of a wrong dtype or shape, or of
            another number of rows than the rest.
    """
    if lacking := signature.unsendable:
        message = f"the signature has tensors of types that cannot be sent: {', '.join(lacking)}"
        raise InvalidInput(message, hint="Export it with a signature that has none of these.")
    wrong = list(_wrong(inputs, signature))
    if wrong:
        detail = "; ".join(f"input {field.field} {field.message}" for field in wrong)
        raise InvalidInput(detail, hint="Send the inputs as they are expected.", fields=wrong)
    if not signature.is_batched:
        return _most_rows(inputs, signature)
    sizes = {name: len(array) for name, array in inputs.items()}
    if len(set(sizes.values())) > 1:
        rows = ", ".join(f"{name} {size}" for name, size in sizes.items())
        message = f"the inputs differ in their numbers of rows: {rows}"
        fields = [FieldError(name, f"has {size} rows") for name, size in sizes.items()]
        hint = "Send as many rows of each input: the first dimension is the batch."
        raise InvalidInput(message, hint=hint, fields=fields)
    return next(iter(sizes.values()), 1)


def _most_rows(inputs: Tensors, signature: Signature) -> int:
    """Count the rows where not every tensor has a batch, as beside a threshold for all rows."""
    if not any(spec.has_batch for spec in signature.outputs.values()):
        return 1
    specs = signature.inputs
    return max([1, *(len(array) for name, array in inputs.items() if specs[name].has_batch)])


def _wrong(inputs: Tensors, signature: Signature) -> Iterator[FieldError]:
    for name, spec in signature.inputs.items():
        array = inputs.get(name)
        if array is None:
            if name not in signature.optional:
                yield FieldError(name, f"is missing; expected is {spec}")
        elif array.dtype != spec.numpy_dtype:
            received = "string" if array.dtype == object else array.dtype.name
            yield FieldError(name, f"is {received}; expected is {spec}", received)
        elif not spec.admits(array.shape):
            received = f"{list(array.shape)}"
            yield FieldError(name, f"has the shape {received}; expected is {spec}", received)
        elif array.size == 0 and prod(filter(None, array.shape)) > _MAX_OF_NOTHING:
            received = f"{list(array.shape)}"
            message = (
                f"has the shape {received}, without one element; accepted are then "
                f"{_MAX_OF_NOTHING:,} rows, or other sizes, at most"
            )
            yield FieldError(name, message, received)
    for name in inputs:
        if name not in signature.inputs:
            there = ", ".join(signature.inputs) or "none"
            yield FieldError(name[:_MAX_NAME], f"is unknown; the signature has {there}")
