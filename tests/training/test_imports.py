"""The rooms of `training`: a module may import from its own room and from lower ones."""

import pytest

from tests.contract.test_imports import IMPORTS, ROOT, is_below

# The highest first.
ROOMS = [
    "training.cli",
    "training.experiments",
    "training.pipeline",
    "training.recipes",
    "training.models",
    "training.tabular",
    "training.pictures",
    "training.series",
    "training.texts",
    "training.report",
    "training.publish",
    "training.checks",
    "training.fit",
    "training.recipe",
    "training.data",
    "training.outputs",
    "training.serving_graph",
    "training.block_lstm",
    "training.gradients",
    "training.errors",
]
RECIPES = sorted(path.parent.name for path in (ROOT / "training/models").glob("*/recipe.py"))


def test_every_module_is_in_a_room() -> None:
    homeless = [
        module
        for module in IMPORTS
        if module.startswith("training.") and not is_below(module, ROOMS)
    ]
    assert homeless == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_itself_and_from_lower_ones(room: str) -> None:
    higher = ROOMS[: ROOMS.index(room)]
    wrong = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        if is_below(module, [room])
        for name in names
        if is_below(name, higher)
    ]
    assert wrong == []


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_knows_no_other(recipe: str) -> None:
    own, registry = f"training.models.{recipe}", "training.models"
    wrong = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        if is_below(module, [own])
        for name in names
        if is_below(name, [registry]) and not is_below(name, [own])
    ]
    assert wrong == []
