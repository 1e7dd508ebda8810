"""Where recipes come from: our own, and a user's, in the folder `recipes` beside typed models."""

from pathlib import Path
from typing import Any

from serving.typed_models import WrongModels, load_models, load_value, names_in
from training.models import RECIPES
from training.recipe import Recipe

FOLDER = "recipes"  # in that of the typed models


def load_recipes(models_path: Path | None = None) -> dict[str, Recipe[Any]]:
    """Give every recipe by the name of the model that it trains: that of its file.

    Raises:
        WrongModels: one cannot be imported, brings no recipe, or has a name that is taken or that
            no typed model has.
    """
    recipes = dict(RECIPES)
    if models_path is None:
        return recipes
    models, folder = load_models(models_path), models_path / FOLDER
    for name in names_in(folder):
        if name in recipes:
            message = f"{folder / name}.py: the name {name} is taken by a recipe of tfgate itself"
            raise WrongModels(f"{message}; choose another")
        if name not in models:
            message = f"{folder / name}.py trains the model {name}, which nobody declares"
            remedy = f"write {models_path / name}.py, as 'tfgate new-model {name} --from DIR' does"
            raise WrongModels(f"{message}: {remedy}")
        recipes[name] = load_value(folder, name, "RECIPE", Recipe)
    return recipes
