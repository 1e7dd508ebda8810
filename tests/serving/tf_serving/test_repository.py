"""Which folders of a repository are models: what lies there as people leave it there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.tf_serving.repository import files_of, find_models, find_versions


def write(folder: Path, *files: str) -> Path:
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).touch()
    return folder


def draft(repository: Path) -> None:
    write(repository / "m" / "tmp-1", "saved_model.pb")


def no_version(repository: Path) -> None:
    write(repository / "m", "saved_model.pb")


def half_copied(repository: Path) -> None:
    write(repository / "m" / "1" / "variables")


def a_folder_in_its_place(repository: Path) -> None:
    (repository / "m" / "1" / "saved_model.pb").mkdir(parents=True)


def a_file_in_its_place(repository: Path) -> None:
    write(repository / "m", "1")


def hidden(repository: Path) -> None:
    write(repository / ".m" / "1", "saved_model.pb")


def a_name_that_is_no_text(repository: Path) -> None:
    write(repository / os.fsdecode(b"caf\xe9") / "1", "saved_model.pb")


def a_file(repository: Path) -> None:
    write(repository / "m", "README.md")
    (repository / "n").touch()


def a_dangling_link(repository: Path) -> None:
    (repository / "m").symlink_to("nowhere")


@pytest.mark.parametrize(
    "leave",
    [
        *(draft, no_version, half_copied, a_folder_in_its_place, a_file_in_its_place, hidden),
        *(a_name_that_is_no_text, a_file, a_dangling_link),
    ],
)
def test_what_holds_no_version_is_no_model(leave: Callable[[Path], None], tmp_path: Path) -> None:
    leave(tmp_path)

    assert find_models(tmp_path) == {}


@pytest.mark.parametrize("name", ["churn", "with space", "ünï", 'a"b', "c\\d", "new\nline", "7"])
def test_a_folder_with_a_version_is_a_model_whatever_its_name(name: str, tmp_path: Path) -> None:
    write(tmp_path / name / "00001", "saved_model.pb")
    write(tmp_path / name / "2", "saved_model.pbtxt")
    write(tmp_path / name / "3")

    assert find_models(tmp_path) == {name: tmp_path / name}
    assert find_versions(tmp_path / name) == {
        1: tmp_path / name / "00001",
        2: tmp_path / name / "2",
    }


def test_models_and_versions_may_be_links(tmp_path: Path) -> None:
    export = write(tmp_path / "elsewhere", "saved_model.pb")
    write(tmp_path / "models" / "a")
    (tmp_path / "models" / "a" / "1").symlink_to(export)
    (tmp_path / "models" / "b").symlink_to(tmp_path / "models" / "a")

    assert list(find_models(tmp_path / "models")) == ["a", "b"]
    assert [path.name for path in files_of(tmp_path / "models" / "b")] == ["saved_model.pb"]
