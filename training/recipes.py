"""Where recipes come from: our own, and a user's, beside typed models.

That of `churn.py` is `recipes/churn.py`; that of the package `churn` is `churn/recipe.py`, which
may import the package's other files relatively. The gateway imports neither.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving.typed_models import WrongModels, load_models, load_value, names_in
from training.models import RECIPES
from training.recipe import Recipe

FOLDER = "recipes"  # in that of the typed models
FILE = "recipe"  # in a package


def load_recipes(models_path: Path | None = None) -> dict[str, Recipe[Any]]:
    """Give every recipe by the name of the model that it trains: that of its file or package.

    Raises:
        WrongModels: one cannot be imported, brings no recipe, or has a name that is taken or that
            no typed model has.
    """
    recipes, sources = dict(RECIPES), dict.fromkeys(RECIPES, "a recipe of tfgate itself")
    if models_path is None:
        return recipes
    models = load_models(models_path)
    for name, module in _modules(models_path):
        file = f"{models_path / module.replace('.', '/')}.py"
        if name in recipes:
            message = f"{file}: the name {name} is taken by {sources[name]}; choose another"
            raise WrongModels(message)
        if name not in models:
            message = f"{file} trains the model {name}, which nobody declares"
            remedy = f"write {models_path / name}.py, as 'tfgate new-model {name} --from DIR' does"
            raise WrongModels(f"{message}: {remedy}")
        recipes[name], sources[name] = load_value(models_path, module, "RECIPE", Recipe), file
    return recipes


def _modules(models_path: Path) -> Iterator[tuple[str, str]]:
    """Name the models that have recipes, and the modules that hold these."""
    for name in names_in(models_path / FOLDER):
        yield name, f"{FOLDER}.{name}"
    for name in names_in(models_path):
        if (models_path / name / f"{FILE}.py").is_file():
            yield name, f"{name}.{FILE}"
