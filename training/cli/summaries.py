"""Shows figures as tables for a terminal; measures nothing."""

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

import optuna
from optuna.trial import TrialState
from rich.table import Column, Table

from serving.card import Metric, ModelCard
from training.cli.hyper_parameters import HyperParameter
from training.experiments.predecessor import Comparison, do_overlap
from training.outputs.evaluation import Evaluation
from training.report.gap import Z
from training.report.number import number

NUM_BEST = 5  # fit beside one another


def trained(cards: Sequence[ModelCard]) -> Table:
    """Give each version's figures on the test part, beside those of all seeds and of baselines."""
    metrics = Column("on the test part", no_wrap=True)  # a name is what people search for
    table = Table(metrics, "shipped", "mean ± deviation", title="Trained")
    table.add_column("baselines")
    for card in cards:
        seconds = f"{card.training_seconds:,.0f} s"
        num_seeds = f"of {len(card.seeds)} seeds" if len(card.seeds) > 1 else "of one seed"
        others = "\n".join(baseline.name for baseline in card.baselines)
        table.add_row(f"{card.name}, version {card.version}", seconds, num_seeds, others)
        for metric in card.metrics:
            seeds = spread([seed.metrics[metric.name] for seed in card.seeds])
            others = "\n".join(_number(each.metrics[metric.name]) for each in card.baselines)
            table.add_row(metric.name, _figure(metric), seeds, others)
        table.add_section()
    return table


def compared(comparison: Comparison) -> Table:
    """Give the figures of a version beside those of the one before it."""
    before, new = (f"version {each}" for each in (comparison.before, comparison.version))
    title = f"{comparison.name}, on the validation part"
    table = Table(Column("", no_wrap=True), before, new, "95 % intervals", title=title)
    for old, fresh in comparison.metrics:
        words = {True: "overlap", False: "apart", None: ""}[do_overlap(old, fresh)]
        table.add_row(fresh.name, _with_interval(old), _with_interval(fresh), words)
    return table


def cross_validated(name: str, evaluations: Sequence[Evaluation]) -> Table:
    """Give the mean, the spread, the least and the highest of each metric over all folds."""
    title = f"{name}, on the folds that were held out"
    table = Table("", "mean ± deviation", "least", "highest", title=title)
    for index, metric in enumerate(evaluations[0].metrics):
        values = [evaluation.metrics[index].value for evaluation in evaluations]
        table.add_row(metric.name, spread(values), _number(min(values)), _number(max(values)))
    return table


def tried(study: optuna.Study, metric: str) -> Table:
    """Give the best trials of a search side by side, and how many there were."""
    complete = study.get_trials(states=[TrialState.COMPLETE])
    num_pruned = len(study.get_trials(states=[TrialState.PRUNED]))
    title = f"the best of {len(complete)} trials; {num_pruned} more were ended early"
    table = Table("trial", title=title)
    best = sorted(complete, key=lambda trial: trial.value or 0.0)[:NUM_BEST]
    for trial in best:
        table.add_column(str(trial.number))
    table.add_row(metric, *(_number(trial.user_attrs[metric]) for trial in best), end_section=True)
    for key in study.best_params:
        table.add_row(key, *(_number(trial.params[key]) for trial in best))
    return table


def hyper_parameters(name: str, changes: Sequence[HyperParameter]) -> Table:
    """Give what `--set` can change."""
    table = Table("hyper-parameter", "type", "value", "", title=name)
    for each in changes:
        table.add_row(each.name, each.kind, str(each.value), each.help)
    return table


def spread(values: Sequence[float]) -> str:
    """Give the mean, and the standard deviation if there is more than one value."""
    if len(values) < 2:
        return "".join(map(_number, values))
    return f"{_number(mean(values))} ± {_number(stdev(values))}"


def _with_interval(metric: Metric) -> str:
    error = metric.standard_error
    return (
        _number(metric.value)
        if error is None
        else f"{_number(metric.value)} ± {_number(Z * error)}"
    )


def _figure(metric: Metric) -> str:
    unit = "" if metric.unit == "1" else metric.unit
    return f"{_number(metric.value)} {unit}"


def _number(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)
