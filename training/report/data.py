"""What a model was made from: parts, balance of the targets, ranges, and what was missing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.card import ModelCard
from training.data.examples import Examples
from training.recipe import Training
from training.report.number import number
from training.report.page import Section, Table

QUANTILES = {"lowest": 0.0, "quarter": 0.25, "median": 0.5, "three quarters": 0.75, "highest": 1.0}


def data_set(training: Training, card: ModelCard) -> Section:
    about, split = card.data_set, card.data_set.split
    parts = {
        "training": training.splits.train,
        "validation": training.splits.validation,
        "test": training.data.test,
    }
    unlabelled = [f"{len(each):,} {name}" for name, each in training.splits.unlabelled.items()]
    return Section(
        "Data",
        [
            f"{about.name}, from {about.source}, SHA-256 {about.sha256}.",
            f"{split.train:,} examples for training, {split.validation:,} for validation, "
            f"{split.test:,} for the test. {about.split_method}.",
            *([f"Without labels: {', '.join(unlabelled)}."] if unlabelled else []),
            _missing(card),
        ],
        tables=[_balance(parts, training), _inputs(card), _findings(card)],
    )


def _missing(card: ModelCard) -> str:
    missing = {name: each.missing for name, each in card.input_statistics.items() if each.missing}
    if not missing:
        return "No value is missing in the training part, so none was filled in; none was dropped."
    rows = card.data_set.split.train
    listed = ", ".join(f"{name} {count:,} ({count / rows:.1%})" for name, count in missing.items())
    return (
        f"Missing in the training part: {listed}. No example was dropped for it: the graph fills "
        "in what is missing, in training as in serving."
    )


def _balance(parts: Mapping[str, Examples], training: Training) -> Table:
    if not training.recipe.outputs.has_classes:
        rows = [[name, *_summary(part.targets)] for name, part in parts.items()]
        return Table("Targets by part", ["part", *QUANTILES, "mean"], rows)
    rows = [
        [label, *(_count(part.of_class(index), len(part)) for part in parts.values())]
        for index, label in enumerate(training.data.classes)
    ]
    return Table("Class balance", ["class", *parts], rows)


def _summary(values: NDArray[Any]) -> list[str]:
    known = values[~np.isnan(values)].astype(np.float64)
    levels = np.quantile(known, list(QUANTILES.values()))
    return [number(float(value)) for value in (*levels, known.mean())]


def _count(which: NDArray[np.bool_], total: int) -> str:
    count = int(np.sum(which))
    return f"{count:,} ({count / max(total, 1):.1%})"


def _inputs(card: ModelCard) -> Table:
    rows = [
        [
            name,
            number(seen.minimum),
            number(seen.maximum),
            number(seen.mean),
            number(seen.standard_deviation),
            f"{seen.missing:,}",
        ]
        for name, seen in card.input_statistics.items()
    ]
    head = ["input", "minimum", "maximum", "mean", "standard deviation", "missing"]
    return Table("Inputs in the training part", head, rows)


def _findings(card: ModelCard) -> Table:
    rows = [
        [each.severity, each.name, each.message, f"{each.count:,}", f"{each.share:.2%}"]
        for each in card.data_set.findings
    ]
    head = ["", "found", "what to know", "count", "share"]
    return Table("What the checks of the data found", head, rows, num_texts=3)
