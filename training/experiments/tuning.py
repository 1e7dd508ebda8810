"""Searches for better hyper-parameters, judged on the validation part; the test part stays closed.

A study is kept on disk, trial by trial, and each trial has its checkpoints: a search that was
interrupted goes on where it was.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import optuna
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState
from rich.console import Console

from training.data.examples import Data, Splits
from training.errors import Diverged, TrainingError, WrongOption
from training.outputs.acceptance import AcceptanceGate
from training.pipeline import TrainingOptions, checkpoints_of, read, train
from training.recipe import Choice, Range, Recipe

SETTLED = (TrialState.COMPLETE, TrialState.PRUNED)


class Prune(keras.callbacks.Callback):
    """Ends a trial whose network is worse than the median of the others at the same epoch."""

    def __init__(self, trial: optuna.Trial, gate: AcceptanceGate) -> None:
        super().__init__()
        self._trial = trial
        self._gate = gate

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Judge by the gate's metric, or by the loss where the network does not measure it."""
        metric = logs.get(f"val_{self._gate.metric}")
        value = logs["val_loss"] if metric is None else self._gate.rank_value(metric)
        self._trial.report(value, epoch)
        if self._trial.should_prune():
            raise optuna.TrialPruned


@dataclass(frozen=True)
class Search:
    """What is tried: values of `space` in the place of those of the recipe."""

    name: str
    recipe: Recipe[Any]
    space: Mapping[str, Range | Choice]
    options: TrainingOptions
    data: Data
    splits: Splits

    def __call__(self, trial: optuna.Trial) -> float:
        """Train with suggested values, and give a number that is the lower, the better it went."""
        values = {key: _suggest(trial, key, where) for key, where in self.space.items()}
        # A trial that comes again after an interruption goes on from its checkpoint.
        options = replace(self.options, resume=True, callbacks=[Prune(trial, self.recipe.gate)])
        recipe = self.recipe.changed(values)
        try:
            training = train(self.name, recipe, self.data, self.splits, options, options.seeds[0])
        except Diverged as error:
            raise optuna.TrialPruned from error
        for metric in training.validation.metrics:
            trial.set_user_attr(metric.name, metric.value)
        return self.recipe.gate.rank(training.validation)


def tune(
    name: str,
    recipe: Recipe[Any],
    options: TrainingOptions,
    folder: Path,
    num_trials: int,
    *,
    fixed: Collection[str] = (),
) -> optuna.Study:
    """Search until the study in the folder has so many trials; `fixed` values stay the recipe's.

    Raises:
        WrongOption: there is nothing to search.
        TrainingError: the data cannot be had, or no trial came to an end.
    """
    space = {key: where for key, where in recipe.search_space.items() if key not in fixed}
    if not space:
        raise WrongOption(f"the recipe of {name} leaves nothing to search: see its search_space")
    search = Search(name, recipe, space, options, *read(name, recipe, options))
    study = _open(search, folder)
    _queue(study, search)
    console = Console()
    while (number := len(study.get_trials(states=SETTLED)) + 1) <= num_trials:
        console.rule(f"{name}, trial {number} of {num_trials}")
        study.optimize(search, n_trials=1)
    if not study.get_trials(states=[TrialState.COMPLETE]):
        raise TrainingError(f"no loss of any trial stayed finite: give {name} another search_space")
    return study


def _open(search: Search, folder: Path) -> optuna.Study:
    """Give the study of this very question: other data, or fixed values, make another study."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    folder.mkdir(parents=True, exist_ok=True)
    space = {key: asdict(where) for key, where in search.space.items()}
    training = checkpoints_of(
        search.options.checkpoints,
        search.recipe,
        search.data,
        search.splits,
        search.options.seeds[0],
    )
    text = json.dumps([training.folder.name, space], sort_keys=True)
    study = optuna.create_study(
        storage=f"sqlite:///{folder / search.name}.sqlite3",
        study_name=f"{search.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}",
        load_if_exists=True,
        pruner=optuna.pruners.MedianPruner(n_warmup_steps=1),
    )
    # A sampler that begins anew must not suggest again what it suggested first.
    study.sampler = optuna.samplers.TPESampler(seed=search.options.seeds[0] + len(study.trials))
    return study


def _queue(study: optuna.Study, search: Search) -> None:
    """Ask first for what the recipe has, and for the trials that an interruption ended."""
    for trial in study.get_trials(states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)
    own_values = asdict(search.recipe.hyper_parameters)
    wanted = [{key: own_values[key] for key in search.space}]
    wanted += [_asked(trial) for trial in study.get_trials(states=[TrialState.FAIL])]
    known = [_asked(trial) for trial in study.trials if trial.state != TrialState.FAIL]
    for values in wanted:
        if values not in known:
            study.enqueue_trial(values)
            known.append(values)


def _asked(trial: FrozenTrial) -> dict[str, Any]:
    return trial.params or dict(trial.system_attrs.get("fixed_params", {}))


def _suggest(trial: optuna.Trial, key: str, where: Range | Choice) -> Any:
    if isinstance(where, Choice):
        return trial.suggest_categorical(key, where.values)
    if isinstance(where.low, int) and isinstance(where.high, int):
        return trial.suggest_int(key, where.low, where.high, log=where.logarithmic)
    return trial.suggest_float(key, where.low, where.high, log=where.logarithmic)


def plot_importances(study: optuna.Study, path: Path) -> bool:
    """Draw how much of the difference between trials each hyper-parameter explains, as a PNG file.

    Gives whether there is any difference to explain.

    Source: F. Hutter, H. Hoos, K. Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter
    Importance", ICML 2014.
    """
    if len({trial.value for trial in study.get_trials(states=[TrialState.COMPLETE])}) < 2:
        return False
    importances = optuna.importance.get_param_importances(study)
    figure = Figure(figsize=(7, 1 + 0.4 * len(importances)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(list(importances), list(importances.values()), color="0.4")
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.invert_yaxis()
    axes.set(xlim=(0, 1.1), xlabel="share of the variance between trials", title=study.study_name)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return True
