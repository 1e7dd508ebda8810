"""Questions as a file that any client's script reads, and what TensorFlow answers to each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.contract import Tensors
from tests.foreign.comparing import assert_same_array
from tests.foreign.dialects.tensor_bytes import described
from tests.foreign.models import Question


@dataclass(frozen=True)
class Asked:
    """A file of questions, and the right answers in their order."""

    file: Path
    right: list[Tensors]

    def check(self, answers: list[Any]) -> None:
        """See that a client was told the same, each tensor as nested lists."""
        assert len(answers) == len(self.right)
        for told, right in zip(answers, self.right, strict=True):
            check_answer(told, right)


def write_questions(file: Path, asked: list[tuple[str, Question, Tensors]]) -> Asked:
    """Write questions about models as JSON: tensors as flat lists, strings as text."""
    questions = [
        {
            "model": name,
            "signature": question.signature,
            "inputs": [
                described(each, array, data=_plain(array))
                for each, array in question.inputs.items()
            ],
        }
        for name, question, _ in asked
    ]
    file.write_text(json.dumps(questions))
    return Asked(file, [right for _, _, right in asked])


def check_answer(told: Mapping[str, Any], right: Tensors) -> None:
    """See that nested lists hold the right numbers."""
    assert told.keys() == right.keys()
    for name, array in right.items():
        assert_same_array(_array(told[name], like=array), array)


def _plain(array: NDArray[Any]) -> list[Any]:
    wide = array.astype(np.float64) if array.dtype.itemsize == 2 and _is_float(array) else array
    return [each.decode() if isinstance(each, bytes) else each for each in wide.ravel().tolist()]


def _is_float(array: NDArray[Any]) -> bool:
    return array.dtype.kind in "fV"  # V is bfloat16


def _array(told: Any, *, like: NDArray[Any]) -> NDArray[Any]:
    if like.dtype == object:
        return np.array([each.encode() for each in np.ravel(told)], object).reshape(np.shape(told))
    return np.array(told, like.dtype)
