"""Typed models of a user's own: found by their files and by entry points, or told why not."""

from pathlib import Path

import pytest

from serving.models import MODELS
from serving.typed_models import WrongModels, load_models
from tests.typed_files import TYPED, write


def refused(folder: Path) -> str:
    """Load what cannot be loaded; return the one line that says why."""
    with pytest.raises(WrongModels) as caught:
        load_models(folder)
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_without_a_folder_there_are_those_of_the_package() -> None:
    assert load_models() == MODELS


def test_each_file_of_a_folder_is_a_model(tmp_path: Path) -> None:
    folder = write(tmp_path, double=TYPED, statistics=TYPED)

    models = load_models(folder)

    assert models.keys() == {*MODELS, "double", "statistics"}  # also under the name of a module
    assert models["double"].request.__name__ == "Request"
    assert models["double"] is load_models(folder)["double"]


def test_so_is_a_package_in_it(tmp_path: Path) -> None:
    write(tmp_path / "double", __init__="from .parts import MODEL\n", parts=TYPED)

    assert "double" in load_models(tmp_path)


def test_what_begins_with_an_underscore_only_helps(tmp_path: Path) -> None:
    write(tmp_path, _parts=TYPED, double="from ._parts import MODEL\n")
    write(tmp_path / "notes", readme="1 / 0")

    assert load_models(tmp_path).keys() == {*MODELS, "double"}


def test_two_folders_may_have_files_of_one_name(tmp_path: Path) -> None:
    one, other = write(tmp_path / "a", double=TYPED), write(tmp_path / "b", double=TYPED)

    assert load_models(one)["double"] is not load_models(other)["double"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n\nundefined\n", "double.py, line 3: NameError: name 'undefined' is not defined"),
        ("def f(:\n", "double.py, line 1: SyntaxError: invalid syntax"),
        ("import not_there_at_all\n", "line 1: ModuleNotFoundError: No module named"),
        ("import sys\nsys.exit('enough')\n", "line 2: SystemExit: enough"),
        ("", "double.py has no MODEL: end it with MODEL = Model(…)"),
        ("MODEL = {}\n", "double.py: MODEL is a dict, and must be a serving.contract.Model"),
        ("from serving.contract import Model as MODEL\n", "MODEL is the class Model, and must be"),
        (TYPED.replace("x=1", "x='one'"), "line 23: ValidationError: 1 validation error"),
        (TYPED.replace("    max_call_rows=32,\n", ""), "missing 1 required positional argument"),
        (TYPED.replace("from serving", "from .parts import x\nfrom serving"), "No module named"),
    ],
)
def test_a_file_that_brings_no_model_is_named_with_its_line(
    tmp_path: Path, text: str, words: str
) -> None:
    message = refused(write(tmp_path, double=text))

    assert str(tmp_path / "double.py") in message
    assert words in message


def test_of_a_helper_that_fails_the_line_is_its_own(tmp_path: Path) -> None:
    message = refused(write(tmp_path, double="from . import _parts\n", _parts="\n1 / 0\n"))

    assert "_parts.py, line 2: ZeroDivisionError" in message


def test_a_file_that_was_mended_is_read_anew(tmp_path: Path) -> None:
    refused(write(tmp_path, double="1 / 0"))

    assert "double" in load_models(write(tmp_path, double=TYPED))


@pytest.mark.parametrize("name", ["my-model", "2nd", "class", "größe", "a.b"])
def test_a_file_with_a_name_that_no_model_can_have_is_named(tmp_path: Path, name: str) -> None:
    message = refused(write(tmp_path, **{name: TYPED}))

    assert f"{name}.py: {name!r} is no name" in message


def test_a_name_of_ours_is_taken(tmp_path: Path) -> None:
    assert "housing is taken by tfgate itself" in refused(write(tmp_path, housing=TYPED))


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder where an installed package's entry points are written."""
    site = tmp_path / "site"
    folder = site / "shop-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    write(site / "shop_of_tests", __init__="", double=TYPED, broken="1 / 0")
    monkeypatch.syspath_prepend(str(site))
    return folder


def test_installed_packages_bring_models(install: Path) -> None:
    (install / "entry_points.txt").write_text(
        "[tfgate.models]\ntwice = shop_of_tests.double:MODEL\n"
    )

    assert load_models().keys() == {*MODELS, "twice"}


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("twice = shop_of_tests.double", "it is the module shop_of_tests.double, and must be"),
        ("twice = shop_of_tests.double:MODELS", "AttributeError"),
        ("twice = shop_of_tests.broken:MODEL", "ZeroDivisionError"),
        ("twice = nowhere:MODEL", "ModuleNotFoundError"),
        ("my-model = shop_of_tests.double:MODEL", "'my-model' is no name"),
        ("housing = shop_of_tests.double:MODEL", "housing is taken by tfgate itself"),
        ("mine = shop_of_tests.double:MODEL", "mine is taken by "),
    ],
)
def test_a_package_that_brings_none_is_named(
    install: Path, tmp_path: Path, line: str, words: str
) -> None:
    (install / "entry_points.txt").write_text(f"[tfgate.models]\n{line}\n")

    message = refused(write(tmp_path / "models", mine=TYPED))

    assert "the package shop" in message
    assert words in message
