"""What `tfgate train` does: trains the models that were named, and shows how good they are."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from serving.card import ModelCard
from training.errors import UnknownRecipe
from training.models import RECIPES
from training.pipeline import run

ALL = "all"


def train(names: Sequence[str], data: Path | None, repository: Path, seed: int) -> None:
    """Train and publish these models, or `all`, one after the other; then print a summary.

    Without `data`, a folder that holds the data sets' files, they are downloaded and cached.

    Raises:
        TrainingError: the first model that cannot be trained; those before it are published.
    """
    console = Console()
    cards = []
    for name in _known(names):
        console.rule(name)
        card = run(name, RECIPES[name], data_folder=data, repository=repository, seed=seed)
        cards.append(card)
    console.print(_summary(cards))


def _known(names: Sequence[str]) -> list[str]:
    if ALL in names:
        return list(RECIPES)
    for name in names:
        if name not in RECIPES:
            raise UnknownRecipe(
                f"there is no recipe {name!r}: choose from {', '.join([*RECIPES, ALL])}"
            )
    return list(names)


def _summary(cards: list[ModelCard]) -> Table:
    table = Table("model", "version", "test part", "weights", "seconds", title="Trained")
    for card in cards:
        figures = "\n".join(f"{each.name} {each.value:,.4g} {each.unit}" for each in card.metrics)
        weights, seconds = f"{card.parameters:,}", f"{card.training_seconds:,.0f}"
        table.add_row(card.name, str(card.version), figures, weights, seconds)
    return table
