"""Questions for a generic model: tensors of any values that its signature admits.

They are made once, for large ones take long, and go over /v2 as bytes: halves have no JSON.
"""

import json
import math
import random
import struct
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from tfgate.loadtest.users.questions import MOST_INSTANCES, Question

ANY_SIZE = 1  # of a dimension that is free, and not the batch; the gateway has tried the same
NUM_QUESTIONS = 8
HEAD_LENGTH = "Inference-Header-Content-Length"
_BITS = (8, 16, 32, 64)
# The letters of `struct`.
_INTEGERS = {
    "BOOL": "?",
    **{f"INT{bits}": letter for bits, letter in zip(_BITS, "bhiq", strict=True)},
    **{f"UINT{bits}": letter for bits, letter in zip(_BITS, "BHIQ", strict=True)},
}
_FLOATS = {"FP16": "e", "FP32": "f", "FP64": "d"}


class GenericModel:
    """A model as its metadata of the Open Inference Protocol describe it."""

    def __init__(self, metadata: Mapping[str, Any], source: random.Random) -> None:
        self.name = str(metadata["name"])
        inputs = metadata["inputs"]
        has_batch = bool(inputs) and all(each["shape"][:1] == [-1] for each in inputs)
        sizes = range(2, MOST_INSTANCES + 1, 2) if has_batch else [1]
        self._ones = [self._question(inputs, 1, source) for _ in range(NUM_QUESTIONS)]
        self._several = [self._question(inputs, size, source) for size in sizes]

    def one(self, source: random.Random) -> Question:
        """Send a row."""
        return source.choice(self._ones)

    def several(self, source: random.Random) -> Question:
        """Send several rows, if it takes several."""
        return source.choice(self._several)

    def answered_by(self, headers: Mapping[str, str], content: bytes) -> str:
        """Read the model in a document, which stands before the tensors."""
        length = headers.get(HEAD_LENGTH)
        head = content if length is None else content[: int(length)]
        return str(json.loads(head)["model_name"])

    def _question(
        self, inputs: list[Mapping[str, Any]], num_rows: int, source: random.Random
    ) -> Question:
        described, contents = [], []
        for each in inputs:
            shape = [ANY_SIZE if size < 0 else size for size in each["shape"]]
            if each["shape"][:1] == [-1]:
                shape[0] = num_rows
            content = tensor(each["datatype"], math.prod(shape), source)
            contents.append(content)
            described.append(
                {
                    "name": each["name"],
                    "datatype": each["datatype"],
                    "shape": shape,
                    "parameters": {"binary_data_size": len(content)},
                }
            )
        document = {"inputs": described, "parameters": {"binary_data_output": True}}
        head = json.dumps(document).encode()
        headers = {"Content-Type": "application/octet-stream", HEAD_LENGTH: str(len(head))}
        path = f"/v2/models/{quote(self.name, safe='')}/infer"
        return Question(path, headers, b"".join([head, *contents]))


def tensor(datatype: str, count: int, source: random.Random) -> bytes:
    """Make the bytes of so many values: zeros and ones, or what lies between.

    Raises:
        ValueError: nobody can send that type.
    """
    if datatype == "BYTES":
        return b"".join(struct.pack("<I1s", 1, source.choice([b"0", b"1"])) for _ in range(count))
    if datatype in _INTEGERS:
        return _packed(_INTEGERS[datatype], count, lambda: source.randrange(2))
    if datatype in _FLOATS:
        return _packed(_FLOATS[datatype], count, source.random)
    if datatype == "BF16":
        singles = _packed("f", count, source.random)
        # The upper half of each.
        return b"".join(singles[place + 2 : place + 4] for place in range(0, len(singles), 4))
    message = f"tensors of {datatype} cannot be sent"
    raise ValueError(message)


def _packed(letter: str, count: int, value: Callable[[], float]) -> bytes:
    return struct.pack(f"<{count}{letter}", *(value() for _ in range(count)))
