"""The tiny recipes of the training tests, which some end-to-end tests publish versions with."""

from tests.training.conftest import data_folder, tiny_recipes

__all__ = ["data_folder", "tiny_recipes"]
