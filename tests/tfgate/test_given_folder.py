"""What people give as --repository, and what is made of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from serving.tf_serving.repository import find_models, find_versions
from tests.serving.tf_serving.test_repository import write
from tfgate.given_folder import WrongFolder, repository_of


def versions_of(given: Path, scratch: Path) -> dict[str, dict[int, Path]]:
    """Return what would be served: the folders that the versions of each model really are."""
    scratch.mkdir()
    models = find_models(repository_of(given, scratch))
    return {
        name: {version: path.resolve() for version, path in find_versions(folder).items()}
        for name, folder in models.items()
    }


def test_a_repository_is_taken_as_it_is(tmp_path: Path) -> None:
    write(tmp_path / "models" / "churn" / "3", "saved_model.pb")
    write(tmp_path / "models" / "docs")

    assert repository_of(tmp_path / "models", tmp_path / "s") == tmp_path / "models"


@pytest.mark.parametrize(
    ("given", "served"),
    [
        ("models/churn", {"churn": {1: "models/churn/1", 4: "models/churn/4"}}),
        ("models/churn/4", {"churn": {4: "models/churn/4"}}),
        ("exported", {"exported": {1: "exported"}}),
        (".hidden", {"hidden": {1: ".hidden"}}),
    ],
)
def test_a_model_and_a_saved_model_are_served_alone(
    given: str, served: dict[str, dict[int, str]], tmp_path: Path
) -> None:
    for version in ("models/churn/1", "models/churn/4", "models/other/1", "exported", ".hidden"):
        write(tmp_path / version, "saved_model.pb")

    assert versions_of(tmp_path / given, tmp_path / "scratch") == {
        name: {version: tmp_path / path for version, path in versions.items()}
        for name, versions in served.items()
    }


def test_where_one_stands_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = write(tmp_path / "churn" / "7", "saved_model.pb")
    monkeypatch.chdir(version)

    assert versions_of(Path(), tmp_path / "a") == {"churn": {7: version}}
    assert versions_of(Path(".."), tmp_path / "b") == {"churn": {7: version}}


def test_a_link_gives_its_own_name(tmp_path: Path) -> None:
    export = write(tmp_path / "2024-11-28", "saved_model.pb")
    (tmp_path / "churn").symlink_to(export)

    assert versions_of(tmp_path / "churn", tmp_path / "scratch") == {"churn": {1: export}}


def nothing(folder: Path) -> Path:
    return folder / "nowhere"


def an_empty_folder(folder: Path) -> Path:
    return folder


def saved_models_without_versions(folder: Path) -> Path:
    write(folder / "churn", "saved_model.pb")
    return folder


def a_folder_above(folder: Path) -> Path:
    write(folder / "models" / "churn" / "1", "saved_model.pb")
    return folder


def a_file_of_keras(folder: Path) -> Path:
    return write(folder / "x", "churn.keras") / "churn.keras"


def the_graph(folder: Path) -> Path:
    return write(folder / "churn", "saved_model.pb") / "saved_model.pb"


def an_archive(folder: Path) -> Path:
    return write(folder / "x", "churn.zip") / "churn.zip"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (nothing, r"there is no model repository at .*nowhere.*tfgate train all"),
        (an_empty_folder, r"no version of any model; .*NAME/1/saved_model.pb.*tfgate train all"),
        (saved_models_without_versions, r"move what is in it to .*churn/1, or .*--repository .*n$"),
        (a_folder_above, r"but a folder in it does: --repository .*/models$"),
        (a_file_of_keras, r"load_model\('.*churn.keras'\).export\('models/NAME/1'\)"),
        (the_graph, r"is a file.*Name the folder that it is in: --repository .*/churn$"),
        (an_archive, r"is a file, and not a folder of SavedModels.*NAME/1"),
    ],
)
def test_what_cannot_be_served_is_told_with_what_can(
    make: Callable[[Path], Path], message: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongFolder, match=message):
        repository_of(make(tmp_path), tmp_path / "scratch")
