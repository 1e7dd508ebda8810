"""Cross-validation: each development example is held out once; nothing is published."""

from collections.abc import Iterator
from typing import Any

from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from training.data.examples import Data, Examples, Splits
from training.errors import WrongOption
from training.outputs.evaluation import Evaluation
from training.pipeline import TrainingOptions, read, train
from training.recipe import Recipe


def cross_validate(
    name: str, recipe: Recipe[Any], options: TrainingOptions, num_folds: int
) -> list[Evaluation]:
    """Train on all folds but one, for each of them and each seed, and measure it on that one.

    What a recipe calibrates, it calibrates on the fold that it is then measured on.

    Raises:
        TrainingError: the data cannot be had, or not be divided into so many folds.
    """
    data, _ = read(name, recipe, options)
    return [
        train(name, recipe, data, splits, options, seed).validation
        for splits in folds(data, num_folds, has_classes=recipe.outputs.has_classes)
        for seed in options.seeds
    ]


def folds(data: Data, num_folds: int, *, has_classes: bool) -> Iterator[Splits]:
    """Divide the development examples; groups stay together, classes in their proportions.

    Raises:
        WrongOption: there are not enough examples, or groups of them.
    """
    examples = data.development
    # Of several classes that apply, there are no proportions to keep.
    splitter = _splitter(examples, num_folds, has_classes and examples.targets.ndim == 1)
    rows = splitter.split(examples.targets, examples.targets, examples.groups)
    try:
        for number, (train_rows, validation_rows) in enumerate(rows, 1):
            yield Splits(
                examples.take(train_rows),
                examples.take(validation_rows),
                f"fold {number} of scikit-learn's {splitter}",
                data.classes,
                data.unlabelled,
            )
    except ValueError as error:
        raise WrongOption(f"{len(examples)} examples, {num_folds} folds: {error}") from error


def _splitter(examples: Examples, num_folds: int, has_classes: bool) -> Any:
    if examples.groups is None:
        kind = StratifiedKFold if has_classes else KFold
    else:
        kind = StratifiedGroupKFold if has_classes else GroupKFold
    return kind(num_folds, shuffle=True, random_state=0)
