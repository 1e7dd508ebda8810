"""What a model answers is what its documented response promises, for one instance and for more."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import TypeAdapter

from serving.contract import TensorSpec
from serving.models import MODELS


def some(spec: TensorSpec, num_rows: int) -> NDArray[Any]:
    """Make up an output: probabilities, or names in bytes."""
    values = np.full((num_rows, *spec.row_shape), 0.5)
    return (
        np.full_like(values, b"a class", dtype=object)
        if spec.dtype == "string"
        else (values.astype(spec.numpy_dtype))
    )


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("num_rows", [1, 3])
def test_answers_are_as_documented(name: str, num_rows: int) -> None:
    model = MODELS[name]
    outputs = {each: some(spec, num_rows) for each, spec in model.signature.outputs.items()}

    answers = model.postprocess(model.preprocess([model.example] * num_rows), outputs, None)

    adapter = TypeAdapter(list[model.response])  # type: ignore[name-defined]  # known at run time
    assert adapter.validate_python(answers, strict=True, extra="forbid") == answers
    assert len(answers) == num_rows
