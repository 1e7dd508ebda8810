"""The tiny recipes and their data."""

from tests.tiny_recipes import archive, data_folder, tiny_commands, tiny_recipes, trained

__all__ = ["archive", "data_folder", "tiny_commands", "tiny_recipes", "trained"]
