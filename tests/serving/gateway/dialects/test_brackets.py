"""Shapes that differ from a signature's by brackets around single values only, and others."""

import numpy as np
import pytest

from serving.contract import Signature, TensorSpec
from serving.gateway.dialects.brackets import differ

Shape = tuple[int | None, ...]


@pytest.mark.parametrize(
    ("given", "expected", "is_so"),
    [
        ((3,), (None, 1), True),
        ((3, 1, 1), (None, 1), True),
        ((1, 1, 1), (None, 1), True),
        ((3, 4), (None, 1, 4), True),
        ((3, 1, 4), (None, 4), True),
        ((3, 5), (None, None, None), True),
        ((1,), (), True),
        ((2,), (2, 1), True),
        ((1, 2, 2), (2, 2), True),
        # These fit as they are.
        ((3, 1), (None, 1), False),
        ((3,), None, False),
        # These have other values in a row, or another number of rows.
        ((1, 2), (None, 1), False),
        ((1, 3), (None,), False),
        ((3, 4, 5), (None, 5, 4), False),
        ((3, 2, 2), (None, 4), False),
        ((2,), (1,), False),
        ((2,), (), False),
        ((), (None, 2), False),
        ((3, 2, 2, 2), (None, None, None), False),
    ],
)
def test_brackets(given: tuple[int, ...], expected: Shape | None, is_so: bool) -> None:
    signature = Signature({"x": TensorSpec("float32", expected)}, {})
    assert differ({"x": np.zeros(given, np.float32)}, signature) == is_so


def test_other_names_are_another_matter() -> None:
    signature = Signature({"x": TensorSpec("float32", (None, 1))}, {})
    assert not differ({"z": np.zeros(1, np.float32)}, signature)


def test_any_number_of_sizes_is_compared_at_once() -> None:
    signature = Signature({"x": TensorSpec("float32", (None,) * 200)}, {})
    assert differ({"x": np.zeros((2,) * 20, np.float32)}, signature)
