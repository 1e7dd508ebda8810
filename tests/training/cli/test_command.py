"""What `tfgate train` does, from names to a table of figures."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.tiny_recipes import Trained
from training.cli.command import command_line, train
from training.errors import DataNotFound, UnknownRecipe
from training.pipeline import TrainingOptions


@pytest.mark.usefixtures("tiny_commands")
@pytest.mark.parametrize("trained", ["housing"], indirect=True)
def test_the_models_are_published_and_their_figures_shown(
    trained: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    reports = tmp_path / "reports"
    repository = tmp_path / "models"
    places = replace(trained.options, repository=repository, reports=reports, tensorboard=None)
    train(["housing"], replace(places, seeds=[0, 1], resume=True), {})
    shown = capsys.readouterr().out
    assert shown.count("epoch 2/2") == 1  # the first seed was trained before
    assert "root_mean_squared_error" in shown
    assert "of 2 seeds" in shown
    assert "±" in shown
    assert "gradient-boosted trees" in " ".join(shown.split())
    assert [path.name for path in (repository / "housing").iterdir()] == ["1"]
    assert f"housing, version 1: {repository}/housing/1\n" in shown
    assert f"its report: {reports}/housing/1/report.html\n" in shown
    assert (reports / "housing/1/report.html").is_file()


@pytest.mark.usefixtures("tiny_commands")
@pytest.mark.parametrize("trained", ["housing"], indirect=True)
def test_a_second_version_is_shown_beside_the_first_with_the_command_that_releases_it(
    trained: Trained,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "150")
    repository = tmp_path / "models"
    shutil.copytree(trained.folder, repository / "housing" / "1")
    places = replace(trained.options, repository=repository, reports=None, tensorboard=None)

    train(["housing"], replace(places, resume=True), {})

    shown = capsys.readouterr().out
    assert "housing, on the validation part" in shown
    [row] = [line for line in shown.splitlines() if "mean_absolute_error" in line and "±" in line]
    assert row.split("│")[2].strip() == row.split("│")[3].strip()  # the same network once more
    assert row.split("│")[4].strip() == "overlap"
    assert "tfgate release start housing 2 --percent 5\n" in shown


def test_the_command_of_a_version_names_all_but_places(tmp_path: Path) -> None:
    options = TrainingOptions(None, tmp_path, tmp_path)
    assert command_line("image", options, {}) == "tfgate train image"
    options = TrainingOptions(
        tmp_path, tmp_path, tmp_path, range(2, 5), resume=True, ablations=True
    )
    changes = {"epochs": "3", "precision": "a b"}
    assert command_line("image", options, changes) == (
        "tfgate train image --data DIR --seed 2 --seeds 3 --ablations "
        "--set epochs=3 --set 'precision=a b'"
    )


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownRecipe, match=r"'no recipe': choose from .*housing, .*all"):
        train(
            ["housing", "no recipe"], TrainingOptions(tmp_path, tmp_path / "models", tmp_path), {}
        )
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("housing", "housing.csv or california_housing.csv"),
        ("image", "cifar-10-python.tar.gz or cifar10_images.tar.gz"),
        ("sentiment", "aclImdb_v1.tar.gz"),
    ],
)
def test_missing_data_are_named_with_where_to_put_them(
    name: str, files: str, tmp_path: Path
) -> None:
    with pytest.raises(DataNotFound) as caught:
        train([name], TrainingOptions(tmp_path, tmp_path / "models", tmp_path), {})
    assert f"{tmp_path} holds no {files}, but nothing: put the file there" in str(caught.value)
    assert "https://" in str(caught.value)
