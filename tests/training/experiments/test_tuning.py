"""The search for hyper-parameters: it goes on where it was, and ends with a command that works."""

import shlex
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from optuna.trial import TrialState

from serving.card import Metric
from tests.stack import SHIPPED_VERSIONS
from training.cli.command import train, tune
from training.cli.hyper_parameters import read
from training.errors import Diverged, TrainingError, WrongOption
from training.experiments import tuning
from training.models import RECIPES
from training.outputs.evaluation import Evaluation
from training.pipeline import TrainingOptions
from training.recipe import Choice, Range, Recipe

PNG = b"\x89PNG"


@pytest.fixture
def recipe(tiny_recipes: dict[str, Recipe[Any]]) -> Recipe[Any]:
    tiny = tiny_recipes["housing"]
    space = {"units": Range(4, 8), "learning_rate": Range(1e-3, 1e-1, logarithmic=True)}
    return replace(tiny, baselines={}, search_space=space)


@pytest.fixture
def options(data_folder: Path, tmp_path: Path) -> TrainingOptions:
    return TrainingOptions(data_folder, tmp_path / "models", tmp_path / "checkpoints")


def test_the_winner_is_trained_by_the_command_that_is_printed(
    recipe: Recipe[Any],
    options: TrainingOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setitem(RECIPES, "housing", recipe)
    tune(["housing"], options, {"layers": "1"}, tmp_path / "study", 2)
    shown = capsys.readouterr().out
    assert "housing, trial 2 of 2" in shown
    assert (tmp_path / "study" / "housing-importances.png").read_bytes().startswith(PNG)
    assert not options.repository.exists()

    tfgate, command, *arguments = shlex.split(shown.splitlines()[-1])
    assert (tfgate, command, arguments[:3]) == ("tfgate", "train", ["housing", "--data", "DIR"])
    names, changes = read([arguments[0]], arguments[4::2])
    assert changes.keys() == {"layers", "units", "learning_rate"}
    train(names, replace(options, resume=True), changes)
    assert "epoch" not in capsys.readouterr().out  # the search had trained it already
    assert (options.repository / "housing" / "1").is_dir()


class FakeTraining:
    """Trains nothing; the error is the learning rate, unless something stops the training."""

    def __init__(self) -> None:
        self.failure: BaseException | None = None

    def __call__(self, _name: str, recipe: Recipe[Any], *_others: object) -> Any:
        if self.failure:
            raise self.failure
        error = recipe.hyper_parameters.learning_rate
        metric = Metric(name="root_mean_squared_error", value=error, unit="", definition="")
        return SimpleNamespace(validation=Evaluation([metric]))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    fake = FakeTraining()
    monkeypatch.setattr(tuning, "train", fake)
    return fake


def test_an_interrupted_search_goes_on_with_the_trial_that_it_was_at(
    recipe: Recipe[Any], options: TrainingOptions, tmp_path: Path, fake: FakeTraining
) -> None:
    tuning.tune("housing", recipe, options, tmp_path, 1)
    fake.failure = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        tuning.tune("housing", recipe, options, tmp_path, 3)
    fake.failure = None
    study = tuning.tune("housing", recipe, options, tmp_path, 3)
    own, lost, again, new = study.trials
    assert own.params == {key: getattr(recipe.hyper_parameters, key) for key in own.params}
    assert lost.state == TrialState.FAIL
    assert again.params == lost.params
    assert new.params not in (own.params, again.params)
    assert len(tuning.tune("housing", recipe, options, tmp_path, 3).trials) == 4


def test_a_search_in_which_every_loss_explodes_says_so(
    recipe: Recipe[Any], options: TrainingOptions, tmp_path: Path, fake: FakeTraining
) -> None:
    fake.failure = Diverged("the loss is no number any more")
    with pytest.raises(TrainingError, match="no loss of any trial stayed finite"):
        tuning.tune("housing", recipe, options, tmp_path, 2)


def test_other_fixed_values_make_another_study(
    recipe: Recipe[Any], options: TrainingOptions, tmp_path: Path, fake: FakeTraining
) -> None:
    tuning.tune("housing", recipe, options, tmp_path, 1)
    one_layer = recipe.changed({"layers": 1, "units": 5})
    study = tuning.tune("housing", one_layer, options, tmp_path, 1, fixed=["layers", "units"])
    assert [trial.params.keys() for trial in study.trials] == [{"learning_rate"}]


def test_a_recipe_that_leaves_nothing_to_search_is_refused(
    recipe: Recipe[Any], options: TrainingOptions, tmp_path: Path
) -> None:
    with pytest.raises(WrongOption, match="housing leaves nothing to search"):
        tuning.tune("housing", recipe, options, tmp_path, 1, fixed=tuple(recipe.search_space))


@pytest.mark.parametrize("name", SHIPPED_VERSIONS)
def test_every_recipe_has_its_own_values_in_its_search_space(name: str) -> None:
    values = asdict(RECIPES[name].hyper_parameters)
    assert RECIPES[name].search_space
    for key, where in RECIPES[name].search_space.items():
        if isinstance(where, Choice):
            assert values[key] in where.values
        else:
            assert where.low <= values[key] <= where.high
            assert isinstance(where.low, int) == isinstance(values[key], int)
