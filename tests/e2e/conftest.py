"""The tiny recipes and their data, which some tests publish versions with."""

from tests.tiny_recipes import data_folder, tiny_recipes

__all__ = ["data_folder", "tiny_recipes"]
