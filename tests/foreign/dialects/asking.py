"""What every dialect is to these tests: a function that sends tensors and gives those that came."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

from serving.contract import Tensors
from tests.foreign.gateway import Gateway
from tests.foreign.models import Question

SECONDS = 60
# No protocol has them in JSON, nor in gRPC's fields of numbers.
SMALL_FLOATS = (np.dtype("float16"), np.dtype(ml_dtypes.bfloat16))


class Refused(Exception):
    """A gateway answered with an error; `status` is HTTP's number or gRPC's name."""

    def __init__(self, status: int | str, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


@dataclass(frozen=True)
class Dialect:
    """One way to ask; `takes` tells whether its format has room for a question and its answer.

    Where `tells_dtypes` is False, an answer is only numbers.
    """

    ask: Callable[[Gateway, str, Question], Tensors]
    takes: Callable[[Question, Tensors], bool] = lambda _question, _answer: True
    tells_dtypes: bool = True


def no_small_floats(question: Question, answer: Tensors) -> bool:
    """Tell whether all of a question and its answer can be written as JSON."""
    tensors = (*question.inputs.values(), *answer.values())
    return all(array.dtype not in SMALL_FLOATS for array in tensors)


def has_only_texts(question: Question, answer: Tensors) -> bool:
    """Tell whether all strings of a question and its answer are UTF-8."""
    return all(
        _is_text(string)
        for array in (*question.inputs.values(), *answer.values())
        if array.dtype == object
        for string in array.ravel()
    )


def _is_text(string: bytes) -> bool:
    try:
        string.decode()
    except UnicodeDecodeError:
        return False
    return True


def read_json(status: int, content: bytes) -> Any:
    """Read an answer.

    Raises:
        Refused: it is an error.
        ValueError: it is not what every parser of JSON reads.
    """
    document = json.loads(content, parse_constant=_refuse_constant)
    if status != 200:
        raise Refused(status, document["error"])
    return document


def _refuse_constant(name: str) -> Any:
    message = f"{name} is no JSON"
    raise ValueError(message)
