"""The data that tiny recipes train on."""

from tests.tiny_recipes import data_folder

__all__ = ["data_folder"]
