"""The card's figures as tables: of the version itself, and of what it is compared with."""

import statistics
from collections.abc import Sequence

from serving.card import Metric, ModelCard, Variant
from training.report.number import number
from training.report.page import Section, Table


def summary(card: ModelCard) -> Section:
    """Say what the version is, how good it is, and how to have it again."""
    rows = [_metric_row(metric, card.validation_metrics) for metric in card.metrics]
    head = ["metric", "definition", "unit", "test", "standard error", "validation"]
    return Section(
        "Summary",
        [
            f"Version {card.version} of {card.name}: {card.task}. It has {card.parameters:,} "
            f"trained weights, and was trained in {card.training_seconds:,.0f} seconds until "
            f"{card.trained_at:%Y-%m-%d %H:%M} UTC with the seed {card.seed}. Every choice was "
            "made on the validation part."
        ],
        tables=[Table("Figures", head, rows, 3)],
        commands=[card.command] if card.command else [],
    )


def _metric_row(metric: Metric, validation: Sequence[Metric]) -> list[str]:
    seen = next((each.value for each in validation if each.name == metric.name), None)
    return [
        metric.name.replace("_", " "),
        metric.definition,
        "" if metric.unit == "1" else metric.unit,
        number(metric.value),
        "" if metric.standard_error is None else number(metric.standard_error),
        "" if seen is None else number(seen),
    ]


def comparisons(card: ModelCard) -> Section:
    """Set the version beside baselines, other seeds, perturbed inputs and simpler recipes."""
    here = Variant(name="this version", metrics={each.name: each.value for each in card.metrics})
    validation = {each.name: each.value for each in card.validation_metrics}
    full = Variant(name="the whole recipe", metrics=validation)
    tables = [
        _variants("Baselines, on the test part", [here, *card.baselines], card.baselines),
        _variants("Seeds, on the test part", [*card.seeds, *_spread(card.seeds)], card.seeds),
        _variants("Perturbed inputs, on the test part", [here, *card.robustness], card.robustness),
        _variants("Probes, written to be difficult", [here, *card.probes], card.probes),
        _variants("Ablations, on the validation part", [full, *card.ablations], card.ablations),
    ]
    return Section("Comparisons", _missing(card), tables=[table for table in tables if table])


def _missing(card: ModelCard) -> list[str]:
    """Say what the training did not measure."""
    found = {"baselines": card.baselines, "perturbed inputs": card.robustness,
             "ablations": card.ablations}  # fmt: skip
    names = [name for name, variants in found.items() if not variants]
    return [f"Not measured in this training: {', '.join(names)}."] if names else []


def _variants(caption: str, rows: Sequence[Variant], measured: Sequence[Variant]) -> Table | None:
    """Give one row a variant; None if nothing was measured."""
    if not measured:
        return None
    names = list(measured[0].metrics)
    head = ["", *(name.replace("_", " ") for name in names)]
    return Table(
        caption,
        head,
        [
            [
                each.name,
                *(number(each.metrics[name]) if name in each.metrics else "" for name in names),
            ]
            for each in rows
        ],
    )


def _spread(seeds: Sequence[Variant]) -> list[Variant]:
    """Give the mean and the standard deviation over the seeds, if there are several."""
    if len(seeds) < 2:
        return []
    values = {name: [each.metrics[name] for each in seeds] for name in seeds[0].metrics}
    return [
        Variant(name="mean", metrics={n: statistics.mean(each) for n, each in values.items()}),
        Variant(
            name="standard deviation",
            metrics={n: statistics.stdev(each) for n, each in values.items()},
        ),
    ]


def making(card: ModelCard, milliseconds: dict[int, float]) -> Section:
    """Say how long things took, and with which settings and libraries."""
    epochs = max((len(curve.train) for curve in card.learning_curves), default=0)
    times = [["training", f"{card.training_seconds:,.1f} s"]]
    if epochs:
        times.append([f"an epoch, of {epochs}", f"{card.training_seconds / epochs:,.1f} s"])
    times += [
        [f"answering {size} at once", f"{each:,.2f} ms"] for size, each in milliseconds.items()
    ]
    return Section(
        "Timings and settings",
        [
            "Answers are timed in TensorFlow alone, on the machine that trained, beside whatever "
            "else ran there: compare versions of one day only."
        ],
        tables=[
            Table("Timings", ["what", "time"], times),
            Table("Hyper-parameters", ["name", "value"], _pairs(card.hyper_parameters)),
            Table("Libraries", ["name", "version"], _pairs(card.libraries)),
        ],
    )


def _pairs(values: dict[str, int | float | str | bool] | dict[str, str]) -> list[list[str]]:
    return [[name, str(value)] for name, value in values.items()]
