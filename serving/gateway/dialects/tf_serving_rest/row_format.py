"""`instances`, one value or object for each row, and `predictions`, which answer them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.contract import Signature, Tensors, TensorSpec
from serving.errors import InvalidInput, Unimplemented
from serving.gateway.dialects.tf_serving_rest import elements, json_writer
from serving.gateway.dialects.tf_serving_rest.columns import Columns, NotPlain
from serving.gateway.dialects.tf_serving_rest.elements import Shape, is_base64
from serving.gateway.dialects.tf_serving_rest.json_value import Value, members, quoted

_CODES = {InvalidInput: "INVALID_ARGUMENT", Unimplemented: "UNIMPLEMENTED"}


def read_at_once(rows: list[Any], signature: Signature, columns: Columns) -> Tensors:
    """Read all rows together.

    Raises:
        NotPlain: something is odd about them, and `read` is to say what.
    """
    specs = signature.inputs
    if type(rows[0]) is not dict:
        if len(specs) > 1:
            raise NotPlain
        return {name: columns.read(rows, spec.dtype) for name, spec in specs.items()}
    if set(map(type, rows)) != {dict} or set(map(len, rows)) != {len(specs)}:
        raise NotPlain
    columns.check_each_once(specs, len(rows))
    try:
        return {
            name: columns.read([row[name] for row in rows], spec.dtype)
            for name, spec in specs.items()
        }
    except KeyError as error:
        raise NotPlain from error


def read(rows: list[Value], signature: Signature) -> Tensors:
    """Read row after row, value after value.

    Raises:
        InvalidInput: a row has other names than the signature, a value another type, or another
            shape than the same of the first row.
    """
    specs = signature.inputs
    if not isinstance(rows[0], dict) and len(specs) > 1:
        message = (
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
        raise InvalidInput(message, hint="")
    with_names = _has_names(rows[0])
    columns: dict[str, _Column] = {}
    for number, row in enumerate(rows):
        if _has_names(row) != with_names:
            kinds = ("object", "list") if with_names else ("value/list", "object")
            message = f"Expecting {kinds[0]} but got {kinds[1]} at item {number} of input list"
            raise InvalidInput(message, hint="")
        if isinstance(row, dict) and with_names:
            _add_row(columns, row, number, specs)
        else:
            _add(columns, min(specs), row, specs, f"{number}")
    return {
        name: elements.tensor(found.values, (len(rows), *found.shape), specs[name])
        for name, found in columns.items()
    }


def write(outputs: Tensors) -> bytes:
    """Write the rows of an answer: values if there is one output, else objects.

    Raises:
        InvalidInput: an output has no rows, or another number than the one before.
    """
    _check_batch(outputs)
    if len(outputs) == 1:
        [(name, array)] = outputs.items()
        rows = b", ".join(json_writer.rows(name, array, depth=2))
    else:
        columns = [
            [json_writer.key(name) + text for text in json_writer.rows(name, array, depth=3)]
            for name, array in sorted(outputs.items())
        ]
        separator = b",\n            "
        rows = b",".join(
            b"\n        {\n            " + separator.join(row) + b"\n        }"
            for row in zip(*columns, strict=True)
        )
    end = b"\n    ]" if rows else b"]"
    return b'{\n    "predictions": [' + rows + end + b"\n}"


@dataclass
class _Column:
    """One input, as the rows bring it; the first sets the shape of all."""

    shape: Shape
    size: int
    values: list[Any]


def _has_names(row: Value) -> bool:
    return isinstance(row, dict) and not is_base64(row)


def _add_row(
    columns: dict[str, _Column],
    row: dict[str, Value],
    number: int,
    specs: Mapping[str, TensorSpec],
) -> None:
    for name, value in members(row):
        # Of a name that comes twice, the first value counts, and the second is looked at.
        again = name in columns and len(columns[name].values) > number * columns[name].size
        _add(columns, name, value, specs, f"{number} key: {name}", keep=not again)
    if row.keys() != specs.keys():
        names = ",".join(sorted(specs))
        raise InvalidInput(
            f"Failed to process element: {number} of 'instances' list. JSON object: {quoted(row)} "
            f"keys must be equal to: {names}",
            hint="",
        )


def _add(
    columns: dict[str, _Column],
    name: str,
    value: Value,
    specs: Mapping[str, TensorSpec],
    place: str,
    *,
    keep: bool = True,
) -> None:
    try:
        if name not in specs:
            message = f"JSON object: does not have named input: {name}"
            raise InvalidInput(message, hint="")
        shape = elements.shape_of(value)
        flat = elements.flatten(value, shape, specs[name].dtype)
        found = columns.setdefault(name, _Column(shape, len(flat), []))
        if found.size != len(flat):
            message = f"Expecting tensor size: {found.size} but got: {len(flat)}"
            raise InvalidInput(message, hint="")
        if found.shape != shape:
            message = f"Expecting shape {_text(found.shape)} but got: {_text(shape)}"
            raise InvalidInput(message, hint="")
    except (InvalidInput, Unimplemented) as error:
        raise InvalidInput(
            f"Failed to process element: {place} of 'instances' list. Error: "
            f"{_CODES[type(error)]}: {error.detail}",
            hint="",
        ) from error
    if keep:
        found.values.extend(flat)


def _text(shape: Shape) -> str:
    return f"[{','.join(map(str, shape))}]"


def _check_batch(outputs: Tensors) -> None:
    num_rows = None
    for name, array in sorted(outputs.items()):
        if not array.ndim:
            message = f"Tensor name: {name} has no shape information "
            raise InvalidInput(message, hint="")
        if num_rows not in (None, len(array)):
            message = (
                f"Tensor name: {name} has inconsistent batch size: {len(array)} "
                f"expecting: {num_rows}"
            )
            raise InvalidInput(message, hint="")
        num_rows = len(array)
