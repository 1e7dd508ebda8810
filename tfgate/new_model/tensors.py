"""What a typed file says of each tensor: a field's type, the column it becomes, an example."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import TensorSpec
from tfgate.new_model.layout import block
from tfgate.new_model.names import LONGEST, class_name

_FIELDS = {
    "bool": "bool",
    "float16": "Float16",
    "bfloat16": "BFloat16",
    "float32": "Float32",
    "float64": "Float64",
    "string": "str",
}
_MOST_ITEMS = 6  # of an example that is written out
_LONGEST_TEXT = 60
_FILES = "_bytes"  # what TensorFlow Serving's REST API knows bytes by


@dataclass(frozen=True)
class Tensor:
    """A tensor, and the name of the field that it comes from, or becomes.

    A row of a single number is a number for people: `float32[batch, 1]` as `float32[batch]`.
    """

    name: str
    field: str
    spec: TensorSpec

    @property
    def sizes(self) -> tuple[int | None, ...]:
        """The sizes of a field's lists, the outermost first; none of a single value."""
        sizes = (self.spec.shape or ())[1:]
        return () if sizes == (1,) else sizes

    @property
    def varies(self) -> bool:
        """Whether a list may have any length."""
        return None in self.sizes

    @property
    def is_stacked(self) -> bool:
        """Whether its lists become a tensor by more than numpy's own doing."""
        return bool(self.sizes) and (self.varies or self.spec.dtype == "string")

    @property
    def is_text(self) -> bool:
        """Whether it holds texts, and not any bytes."""
        return self.spec.dtype == "string" and not self.is_file

    @property
    def is_file(self) -> bool:
        """Whether its name says that it holds bytes."""
        return self.spec.dtype == "string" and self.name.endswith(_FILES)

    @property
    def kind(self) -> str:
        """The type of a field's single value."""
        if self.is_file:
            return "Bytes"
        return _FIELDS.get(self.spec.dtype) or _integer(self.spec.dtype)

    @property
    def numpy(self) -> str:
        """The dtype in Python."""
        if self.spec.dtype == "string":
            return "object"
        module = "ml_dtypes" if self.spec.dtype == "bfloat16" else "np"
        return f"{module}.{'bool_' if self.spec.dtype == 'bool' else self.spec.dtype}"


def _integer(dtype: str) -> str:
    return dtype.replace("uint", "UInt") if dtype.startswith("uint") else dtype.capitalize()


def aliases(tensor: Tensor) -> list[str]:
    """Write the types of inner lists, which have names of their own."""
    lines, inner = [], _element(tensor)
    for axis in range(len(tensor.sizes), 1, -1):
        name = _alias(tensor, axis)
        bounds = _bounds(tensor.sizes[axis - 1])
        lines.append(block(f"{name} = Annotated[", [f"list[{inner}]", bounds], "]", indent=0))
        inner = name
    return lines


def field(tensor: Tensor, default: NDArray[Any] | None) -> str:
    """Write the field of an input; one with a default may be left out."""
    arguments, of_values = [], []
    if default is not None:
        arguments.append(f"default={literal(tensor, default)}")
    if tensor.is_text:
        of_values = ["max_length=MAX_CHARACTERS"]
    if tensor.sizes:
        inner = _alias(tensor, 2) if len(tensor.sizes) > 1 else _element(tensor)
        kind, arguments = f"list[{inner}]", [*arguments, *_lengths(tensor.sizes[0])]
    else:
        kind, arguments = tensor.kind, [*arguments, *of_values]
    arguments.append(f"description={quoted(describe(tensor))}")
    return block(f"{tensor.field}: {kind} = Field(", arguments, ")", indent=4)


def describe(tensor: Tensor) -> str:
    """Say of a tensor what is known."""
    name = tensor.name if len(tensor.name) <= LONGEST else f"{tensor.name[:LONGEST]}…"
    of = "" if tensor.name == tensor.field else f", the tensor {name}"
    return f"{tensor.spec.dtype}{of}"


def output_field(tensor: Tensor) -> str:
    """Write the field of an output."""
    kind = {"bool": "bool", "string": "str"}.get(tensor.spec.dtype)
    kind = kind or ("float" if "float" in tensor.spec.dtype else "int")
    for _ in tensor.sizes:
        kind = f"list[{kind}]"
    said = f"Field(description={quoted(describe(tensor))})"
    return block(f"{tensor.field}: Annotated[", [kind, said], "]", indent=4)


def column(tensor: Tensor) -> str:
    """Write how an input's column comes from the requests."""
    value, key = f"request.{tensor.field}", f"{quoted(tensor.name)}: "
    if tensor.is_stacked:
        rows = f"[{value} for request in requests]"
        arguments = [quoted(tensor.field), rows, tensor.numpy, str(len(tensor.sizes) + 1)]
        return block(f"{key}stacked(", arguments, ")", indent=8)
    row = f"{value}.encode()" if tensor.is_text else value
    row = f"[{row}]" if tensor.spec.shape == (None, 1) else row
    rows = f"[{row} for request in requests]"
    return block(f"{key}np.array(", [rows, tensor.numpy], ")", indent=8)


def answers(tensor: Tensor) -> str:
    """Write how an output's column becomes plain values, a row each."""
    values = f"outputs[{quoted(tensor.name)}]"
    if tensor.spec.shape == (None, 1):
        values += "[:, 0]"
    if tensor.spec.dtype == "string":
        return f"{'base64_of' if tensor.is_file else 'texts_of'}({values})"
    # Of which lists would hold numpy's own scalars.
    if tensor.spec.dtype == "bfloat16":
        values += ".astype(np.float32)"
    return f"{values}.tolist()"


def literal(tensor: Tensor, rows: NDArray[Any]) -> str:
    """Write an example of a field: the values of the first row, or zeros where they are many."""
    values = rows[:1].reshape(rows.shape[1:] if tensor.sizes else ())
    if values.size <= _MOST_ITEMS:
        return _written(tensor, values.tolist())
    shape = ", ".join(map(str, values.shape)) + ("," if values.ndim == 1 else "")
    if tensor.spec.dtype == "string":
        return f"np.full(({shape}), {_text(tensor, b'text')}).tolist()"
    return f"np.zeros(({shape}), {_plain(tensor)}).tolist()"


def _plain(tensor: Tensor) -> str:
    if tensor.spec.dtype == "bool":
        return "bool"
    return "float" if "float" in tensor.spec.dtype else "int"


def _written(tensor: Tensor, value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_written(tensor, each) for each in value)}]"
    if isinstance(value, bytes):
        return _text(tensor, value)
    if isinstance(value, (bool, int)):
        return str(value)
    return f"{float(value) if np.isfinite(value) else 0.0:.6g}"


def _text(tensor: Tensor, value: bytes) -> str:
    if tensor.is_file:
        return 'b"ZXhhbXBsZQ=="'  # base64 of "example", as a request has it
    return quoted(value.decode(errors="replace")[:_LONGEST_TEXT])


def _element(tensor: Tensor) -> str:
    if not tensor.is_text:
        return tensor.kind
    return "Text"


def _alias(tensor: Tensor, axis: int) -> str:
    return f"{class_name(tensor.field)}Axis{axis}"


def _bounds(size: int | None) -> str:
    return f"Field({', '.join(_lengths(size))})"


def _lengths(size: int | None) -> list[str]:
    if size is None:
        return ["min_length=1", "max_length=MAX_LENGTH"]
    return [f"min_length={size}", f"max_length={size}"]


def quoted(text: str) -> str:
    """Write a text as Python does, in the quotes that need fewer escapes."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_letter(each, quote) for each in text) + quote


def _letter(letter: str, quote: str) -> str:
    if letter in {quote, "\\"}:
        return f"\\{letter}"
    if letter in {"'", '"'}:
        return letter
    return letter if letter.isprintable() else ascii(letter)[1:-1]
