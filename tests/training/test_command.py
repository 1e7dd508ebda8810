"""What `tfgate train` does, from names to a table of figures."""

from pathlib import Path

import pytest

from training.command import train
from training.errors import DataNotFound, UnknownRecipe


def test_an_unknown_name_is_answered_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownRecipe, match="'churn': choose from housing, image, sentiment, all"):
        train(["housing", "churn"], tmp_path, tmp_path / "models", seed=0)
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
        train([name], tmp_path, tmp_path / "models", seed=0)
    assert f"{tmp_path} holds no {files}: put the file there" in str(caught.value)
    assert "https://" in str(caught.value)
