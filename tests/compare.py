"""Comparing answers: equal but for the last bits of their numbers."""

from typing import Any

import pytest


def assert_same(left: Any, right: Any, *, tolerance: float = 1e-5) -> None:
    """Numbers may differ by `tolerance`, relative or absolute; everything else must be equal."""
    leaves_left, leaves_right = dict(leaves(left)), dict(leaves(right))
    assert leaves_left.keys() == leaves_right.keys()
    for path, value in leaves_left.items():
        is_number = isinstance(value, float)
        expected = pytest.approx(value, rel=tolerance, abs=tolerance) if is_number else value
        assert leaves_right[path] == expected, path


def leaves(document: Any, path: str = "") -> list[tuple[str, Any]]:
    """List every value of a JSON document that holds no others, with its path."""
    if isinstance(document, dict):
        return [leaf for key, value in document.items() for leaf in leaves(value, f"{path}.{key}")]
    if isinstance(document, list):
        return [leaf for i, value in enumerate(document) for leaf in leaves(value, f"{path}.{i}")]
    return [(path, document)]
