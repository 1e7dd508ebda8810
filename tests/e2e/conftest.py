"""The tiny recipes, which train in seconds."""

from tests.tiny_recipes import data_folder, tiny_recipes

__all__ = ["data_folder", "tiny_recipes"]
