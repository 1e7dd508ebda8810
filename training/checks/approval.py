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
from training.errors import DataUnfit
from training.recipe import Data, Parts

STYLES = {"refusal": "red", "warning": "yellow", "note": ""}  # the gravest first


def approve(model: Model[Any, Any], data: Data, parts: Parts) -> tuple[DataFinding, ...]:
    """Print what was found in the data, while it was read and since, and give it.

    Raises:
        DataUnfit: something found is a refusal.
    """
    findings = (*data.findings, *check(model, data, parts))
    if findings:
        Console().print(table(findings))
    refusals = [each for each in findings if each.severity == "refusal"]
    if refusals:
        reasons = "; ".join(f"{each.count:,} {each.name}: {each.message}" for each in refusals)
        raise DataUnfit(f"nothing was trained, as the data are not fit for it: {reasons}")
    return findings


def check(model: Model[Any, Any], data: Data, parts: Parts) -> list[DataFinding]:
    """Compare the examples with one another, and their values with what the model declares."""
    targets = class_sizes(data, parts) if data.classes else quantities(data, parts)
    return [
        *targets,
        *copies(data, parts),
        *shared_groups(data, parts),
        *values(model, data, parts),
    ]


def table(findings: Sequence[DataFinding]) -> Table:
    """Lay the findings out, the gravest first."""
    rows = Table("", "found", "count", "share", "what to know, or to do", title="The data")
    for severity, style in STYLES.items():
        for each in (each for each in findings if each.severity == severity):
            share = f"{each.share:.2%}"
            rows.add_row(severity, each.name, f"{each.count:,}", share, each.message, style=style)
    return rows
