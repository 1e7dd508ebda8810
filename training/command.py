"""What `tfgate train` does: trains the models that were named, and shows how good they are."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from serving.card import ModelCard
from training.errors import UnknownRecipe
from training.models import RECIPES
from training.pipeline import Plan, run

ALL = "all"


def train(names: Sequence[str], plan: Plan) -> None:
    """Train and publish these models, or `all`, one after the other; then print a summary.

    Raises:
        TrainingError: the first model that cannot be trained; those before it are published.
    """
    console = Console()
    cards = []
    for name in _known(names):
        console.rule(name)
        card = run(name, RECIPES[name], plan)
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
    table = Table("model", "version", "seconds", "on the test part", "", title="Trained")
    for card in cards:
        first_cells = [card.name, str(card.version), f"{card.training_seconds:,.0f}"]
        for metric in card.metrics:
            digits = 0 if abs(metric.value) >= 1_000 else 4
            unit = "" if metric.unit == "1" else metric.unit
            table.add_row(*first_cells, metric.name, f"{metric.value:,.{digits}f} {unit}")
            first_cells = ["", "", ""]
        table.add_section()
    return table
