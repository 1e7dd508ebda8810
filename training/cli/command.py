"""What `tfgate train` and `tfgate tune` do: run what was asked for, and show what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
from rich.console import Console

from training.cli import summaries
from training.cli.hyper_parameters import Changes, listing, typed, write_changes
from training.errors import UnknownRecipe
from training.experiments import folds, range_test, tuning
from training.experiments.predecessor import Comparison, compare
from training.pipeline import TrainingOptions, read, run
from training.recipe import Recipe
from training.recipes import load_recipes
from training.report.report import PAGE

ALL = "all"


def train(names: Sequence[str], options: TrainingOptions, changes: Changes) -> None:
    """Train and publish these models, or `all`, one after the other; then print a summary.

    Raises:
        TrainingError: the first model that cannot be trained; those before it are published.
    """
    console, cards, comparisons = Console(), [], []
    for name, recipe in choose(names, options.models_path, changes).items():
        console.rule(name)
        again = replace(options, command=command_line(name, options, changes))
        card, validation = run(name, recipe, again)
        cards.append(card)
        with console.status(f"{name}: asking the version before, too"):
            comparisons.append(compare(recipe, card, validation, options.repository / name))
    console.print(summaries.trained(cards))
    for card in cards:
        version = options.repository / card.name / str(card.version)
        console.print(
            f"{card.name}, version {card.version}: {version}", soft_wrap=True, highlight=False
        )
        if options.reports is not None:
            page = options.reports / card.name / str(card.version) / PAGE
            console.print(f"its report: {page}", soft_wrap=True, highlight=False)
    for comparison in filter(None, comparisons):
        _show_comparison(comparison, console)


def _show_comparison(comparison: Comparison, console: Console) -> None:
    if comparison.metrics:
        console.print(summaries.compared(comparison))
    if comparison.remark is not None:
        console.print(comparison.remark, soft_wrap=True, highlight=False)
    release = f"tfgate release start {comparison.name} {comparison.version} --percent 5"
    console.print(f"on a share of the traffic: {release}", soft_wrap=True, highlight=False)


def cross_validate(
    names: Sequence[str], options: TrainingOptions, changes: Changes, num_folds: int
) -> None:
    """Measure recipes on every fold of the development examples in turn; publish nothing.

    Raises:
        TrainingError: a model cannot be trained.
    """
    console = Console()
    for name, recipe in choose(names, options.models_path, changes).items():
        console.rule(f"{name}, {num_folds} folds")
        evaluations = folds.cross_validate(name, recipe, options, num_folds)
        console.print(summaries.cross_validated(name, evaluations))


def find_learning_rates(
    names: Sequence[str], options: TrainingOptions, changes: Changes, folder: Path
) -> None:
    """Run a range test of each model, and draw it into the folder; publish nothing.

    Raises:
        TrainingError: the data cannot be had.
    """
    console = Console()
    for name, recipe in choose(names, options.models_path, changes).items():
        _, splits = read(name, recipe, options)
        keras.utils.set_random_seed(options.seeds[0])
        fit = recipe.prepare(recipe.hyper_parameters, splits, options.seeds[0])
        with console.status(f"{name}: raising the rate with every batch"):
            found = range_test.find_learning_rate(fit)
        picture = folder / f"{name}.png"
        range_test.plot(found, name, picture)
        console.print(f"{name}: try --learning-rate {found.suggestion:.2g}; {picture} shows why")


def tune(
    names: Sequence[str],
    options: TrainingOptions,
    changes: Changes,
    folder: Path,
    num_trials: int,
) -> None:
    """Search for better hyper-parameters of each, and print the command that trains the best.

    Raises:
        TrainingError: there is nothing to search, or the model cannot be trained.
    """
    console = Console()
    for name, recipe in choose(names, options.models_path, changes).items():
        study = tuning.tune(name, recipe, options, folder, num_trials, fixed=tuple(changes))
        console.print(summaries.tried(study, recipe.gate.metric))
        picture = folder / f"{name}-importances.png"
        if tuning.plot_importances(study, picture):
            console.print(f"{picture} shows which hyper-parameters mattered")
        best = {key: str(value) for key, value in study.best_params.items()}
        console.print("The best again, then measured on the test part and published:")
        console.print(command_line(name, options, {**changes, **best}), soft_wrap=True)


def show_hyper_parameters(names: Sequence[str], options: TrainingOptions, changes: Changes) -> None:
    """Print what can be set, with the values as they would be."""
    for name, recipe in choose(names, options.models_path, changes).items():
        Console().print(summaries.hyper_parameters(name, listing(recipe.hyper_parameters)))


def choose(
    names: Sequence[str], models_path: Path | None, changes: Changes
) -> Mapping[str, Recipe[Any]]:
    """Give the recipes that were named, or `all`, with these hyper-parameters.

    Raises:
        Misuse: there is no such recipe, or it has no such hyper-parameter or value.
        WrongModels: a recipe or a typed model of the user's own cannot be loaded.
    """
    recipes = load_recipes(models_path)
    for name in names:
        if name not in {*recipes, ALL}:
            raise UnknownRecipe(
                f"there is no recipe {name!r}: choose from {', '.join([*recipes, ALL])}"
            )
    chosen = {name: recipes[name] for name in (recipes if ALL in names else names)}
    return {
        name: recipe.changed(typed(recipe.hyper_parameters, changes, model=name))
        for name, recipe in chosen.items()
    }


def command_line(name: str, options: TrainingOptions, changes: Changes) -> str:
    """Give what trains this version again; where the data lie is another machine's own affair."""
    typed_options = [
        "--data DIR" if options.data else "",
        f"--seed {options.seeds[0]}" if options.seeds[0] else "",
        f"--seeds {len(options.seeds)}" if len(options.seeds) > 1 else "",
        "--ablations" if options.ablations else "",
        "--all-gpus" if options.devices else "",
        *write_changes(changes),
    ]
    return " ".join(["tfgate train", name, *filter(None, typed_options)])
