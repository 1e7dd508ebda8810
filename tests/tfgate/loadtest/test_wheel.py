"""What is installed is enough: the load test's users need nothing that stays in a checkout."""

import ast
import sys
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

from tests.stack import ROOT
from tfgate.loadtest.load_test import COUNT_WRITER, LOCUSTFILE

OURS = {"proto", "serving", "tfgate", "training"}


@pytest.fixture(scope="module")
def wheel() -> set[str]:
    """The files of the package, as they lie once it is installed."""
    files = WheelBuilder(str(ROOT)).recurse_included_files()
    return {file.distribution_path for file in files}


def imports(file: str) -> set[str]:
    """Name the modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            found.add(str(node.module))
    return found


def reached(file: str) -> tuple[set[str], set[str]]:
    """Follow a file's imports: our own files, and the packages of others."""
    ours, others, ahead = set(), set(), [file]
    while ahead:
        ours.add(file := ahead.pop())
        for module in imports(file):
            top = module.partition(".")[0]
            if top in OURS:
                path = module.replace(".", "/") + ".py"
                ahead += {path} - ours
            elif top not in sys.stdlib_module_names:
                others.add(top)
    return ours, others


@pytest.mark.parametrize("path", [LOCUSTFILE, COUNT_WRITER], ids=lambda path: path.stem)
def test_a_locust_file_is_in_it_with_all_that_it_imports(path: Path, wheel: set[str]) -> None:
    files, _ = reached(path.relative_to(ROOT).as_posix())

    assert files <= wheel
    for file in files:
        packages = [folder / "__init__.py" for folder in Path(file).parents if folder.name]
        assert {package.as_posix() for package in packages} <= wheel


def test_the_users_need_nothing_but_what_their_image_holds() -> None:
    files, packages = reached(LOCUSTFILE.relative_to(ROOT).as_posix())

    assert packages == {"locust", "PIL"}
    assert {Path(file).parent for file in files} == {LOCUSTFILE.parent.relative_to(ROOT)}


def test_no_program_that_measures_and_no_test_is_in_it(wheel: set[str]) -> None:
    assert not any(file.startswith(("bench/", "soak/", "tests/")) for file in wheel)
