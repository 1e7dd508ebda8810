"""Tests may import everything; nothing imports tests, least of all the programs that measure."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack import ROOT

PACKAGES = ["bench", "examples", "monitoring", "proto", "serving", "soak", "tfgate", "training"]


def imported(file: Path) -> Iterator[str]:
    """Name the packages that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module).partition(".")[0]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_file_of_a_package_imports_tests(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))

    assert files
    assert [file for file in files if "tests" in imported(file)] == []
