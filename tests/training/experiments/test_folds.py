"""Cross-validation: what is held out when, what is shown, and what is kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from serving.card import Metric
from training.cli.command import cross_validate
from training.data.examples import Data, Examples, Splits
from training.errors import WrongOption
from training.experiments import folds as module
from training.experiments.folds import folds
from training.outputs.evaluation import Evaluation
from training.pipeline import TrainingOptions
from training.recipe import Recipe


def data(targets: Any, groups: Any = None) -> Data:
    rows = np.arange(len(targets))
    examples = Examples({"row": rows}, targets, groups)
    return Data("made", "here", "0" * 64, examples, examples, classes=("a", "b"))


QUANTITIES = np.linspace(0, 1, 12, dtype=np.float32)
CLASSES = np.array([0] * 8 + [1] * 4)
GROUPS = np.arange(12) // 2


@pytest.mark.parametrize(
    ("targets", "groups"),
    [(QUANTITIES, None), (CLASSES, None), (CLASSES, GROUPS), (QUANTITIES, GROUPS)],
)
def test_each_example_is_held_out_once(targets: Any, groups: Any) -> None:
    splits = list(folds(data(targets, groups), 3, has_classes=targets is CLASSES))
    held_out = np.concatenate([each.validation.inputs["row"] for each in splits])
    assert sorted(held_out) == list(range(12))
    for each in splits:
        rows = set(each.train.inputs["row"]) | set(each.validation.inputs["row"])
        assert rows == set(range(12))
        assert each.classes == ("a", "b")
    assert len({each.method for each in splits}) == 3


def test_classes_keep_their_proportions() -> None:
    for each in folds(data(CLASSES), 4, has_classes=True):
        assert np.bincount(each.validation.targets).tolist() == [2, 1]


def test_groups_stay_together() -> None:
    for each in folds(data(CLASSES, GROUPS), 3, has_classes=True):
        assert each.train.groups is not None
        assert each.validation.groups is not None
        assert not set(each.train.groups) & set(each.validation.groups)


def test_more_folds_than_examples_are_refused() -> None:
    with pytest.raises(WrongOption, match="12 examples, 13 folds: "):
        list(folds(data(QUANTITIES), 13, has_classes=False))


def test_the_folds_are_shown_and_nothing_is_published(
    data_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The training of a fold is that of any other splits, so a fake stands in for it."""
    asked = []

    def fake(_name: str, recipe: Recipe[Any], data: Data, splits: Splits, *_others: object) -> Any:
        asked.append((data, splits, recipe.hyper_parameters.units))
        accuracy = Metric(name="accuracy", value=0.5 + len(asked) / 10, unit="1", definition="")
        return SimpleNamespace(validation=Evaluation([accuracy]))

    monkeypatch.setattr(module, "train", fake)
    options = TrainingOptions(data_folder, tmp_path / "models", tmp_path / "checkpoints", range(2))
    cross_validate(["housing"], options, {"units": "4"}, 2)
    shown = capsys.readouterr().out
    assert "0.7500 ± 0.1291" in shown[shown.index("on the folds that were held out") :]
    assert [units for _, _, units in asked] == [4] * 4  # two folds of two seeds
    data = asked[0][0]
    assert all(len(splits.validation) == len(data.development) / 2 for _, splits, _ in asked)
    assert not (tmp_path / "models").exists()
