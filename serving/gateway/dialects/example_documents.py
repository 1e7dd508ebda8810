"""What an example sends: written out, or as the line of Python that makes what would be too long.

Knows shells, JSON and Python, and no dialect.
"""

import base64
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Document = Mapping[str, Any]

_MAX_VALUES = 32  # of a tensor that is written out


@dataclass(frozen=True)
class Filled:
    """Nested lists of one value."""

    value: Any
    shape: tuple[int, ...]


@dataclass(frozen=True)
class FilledBytes:
    """The same bytes so many times; in a document they are base64."""

    value: bytes
    times: int

    @property
    def size(self) -> int:
        """How many bytes they are together."""
        return len(self.value) * self.times


def values(array: NDArray[Any]) -> Any:
    """Return the values of a tensor as JSON has them: nested lists, and bytes as text."""
    if array.size > _MAX_VALUES:
        return Filled(_plain(array.flat[0]), array.shape)
    return _plain(array.tolist())


def values_in_message(array: NDArray[Any]) -> Any:
    """Return the values of a tensor as a message in JSON has them: in a row, bytes in base64."""
    if array.dtype.kind == "O":
        texts = [base64.b64encode(each).decode() for each in array.flat]
        return values(np.array(texts, dtype=object))
    return values(array.ravel())


def raw(array: NDArray[Any]) -> FilledBytes:
    """Return a tensor as bytes, all of whose elements are the same; strings after their lengths."""
    if array.dtype.kind == "O":
        text: bytes = array.flat[0]
        return FilledBytes(len(text).to_bytes(4, "little") + text, array.size)
    return FilledBytes(array.ravel()[:1].tobytes(), array.size)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        return value.item()
    return value.decode() if isinstance(value, bytes) else value


def sent(document: Document, command: Sequence[str], option: str, standard_input: str) -> str:
    """Write the command line that sends a document: as a word of it, or through a pipe.

    `option` takes the document, and `standard_input` is what it takes instead to read it there.
    """
    if not is_long(document):
        text = json.dumps(document, ensure_ascii=False)
        return " ".join([*command, option, shlex.quote(text)])
    imports = "import base64, json" if is_long(document, FilledBytes) else "import json"
    code = f"{imports}; print(json.dumps({python(document)}))"
    return piped(code, [*command, option, standard_input])


def piped(code: str, command: Sequence[str]) -> str:
    """Write the command line that gives to a command what a line of Python prints."""
    return f"python3 -c {shlex.quote(code)} | {' '.join(command)}"


def is_long(node: Any, kind: type[Any] | tuple[type[Any], ...] = (Filled, FilledBytes)) -> bool:
    """Tell whether some of a document is too long to be written out."""
    if isinstance(node, Mapping):
        return any(is_long(each, kind) for each in node.values())
    if isinstance(node, list):
        return any(is_long(each, kind) for each in node)
    return isinstance(node, kind)


def python(node: Any) -> str:
    """Write a document as Python does, with the quotes that need none of a shell's."""
    if isinstance(node, Filled):
        text = python(node.value)
        for size in reversed(node.shape):
            text = f"[{text}] * {size}"
        return text
    if isinstance(node, FilledBytes):
        return f"base64.b64encode({python_bytes(node)}).decode()"
    if isinstance(node, Mapping):
        pairs = (f"{python(name)}: {python(each)}" for name, each in node.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(node, list):
        return f"[{', '.join(map(python, node))}]"
    return json.dumps(node, ensure_ascii=False) if isinstance(node, str) else repr(node)


def python_bytes(filled: FilledBytes) -> str:
    """Write bytes as the Python that makes them."""
    return f'bytes.fromhex("{filled.value.hex()}") * {filled.times}'
