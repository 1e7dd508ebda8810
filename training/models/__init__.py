"""The registry: every folder in this one has a recipe, and its name is the model's name."""

import pkgutil
from importlib import import_module
from typing import Any

from training.recipe import Recipe

RECIPES: dict[str, Recipe[Any]] = {
    module.name: import_module(f"{__name__}.{module.name}.recipe").RECIPE
    for module in pkgutil.iter_modules(__path__)
}
"""The recipes by the name of the model that they train."""
