"""Looks the data over before a network is fitted, tells the user, and refuses what is unfit."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from serving.card import DataFinding
from serving.contract import Model
from training.checks.copies import copies, shared_groups
from training.checks.targets import class_sizes, quantities
from training.checks.values import values
from training.data.examples import Data, Splits
from training.errors import DataUnfit
from training.outputs.kind import OutputKind

STYLES = {"refusal": "red", "warning": "yellow", "note": ""}  # the gravest first


def approve(
    model: Model[Any, Any], outputs: OutputKind, data: Data, splits: Splits
) -> tuple[DataFinding, ...]:
    """Print what was found in the data, while it was read and since, and give it.

    Raises:
        DataUnfit: something found is a refusal.
    """
    findings = (*data.findings, *check(model, outputs, data, splits))
    if findings:
        Console().print(table(findings))
    refusals = [each for each in findings if each.severity == "refusal"]
    if refusals:
        reasons = "; ".join(f"{each.count:,} {each.name}: {each.message}" for each in refusals)
        raise DataUnfit(f"nothing was trained, as the data are not fit for it: {reasons}")
    return findings


def check(
    model: Model[Any, Any], outputs: OutputKind, data: Data, splits: Splits
) -> list[DataFinding]:
    """Compare the examples with one another, and their values with what the model declares."""
    targets = (
        class_sizes(data, splits) if outputs.has_classes else quantities(outputs, data, splits)
    )
    return [
        *targets,
        *copies(data, splits, has_classes=outputs.has_classes),
        *shared_groups(data, splits),
        *values(model, data, splits),
    ]


def table(findings: Sequence[DataFinding]) -> Table:
    """Lay the findings out, the gravest first."""
    rows = Table("", "found", "count", "share", "what to know, or to do", title="The data")
    for severity, style in STYLES.items():
        for each in (each for each in findings if each.severity == severity):
            share = f"{each.share:.2%}"
            rows.add_row(severity, each.name, f"{each.count:,}", share, each.message, style=style)
    return rows
