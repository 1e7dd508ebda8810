"""Makes findings, and says how grave a fault is that is more or less frequent."""

from typing import Literal

from serving.card import DataFinding

Severity = Literal["note", "warning", "refusal"]


def finding(name: str, severity: Severity, *, count: int, total: int, message: str) -> DataFinding:
    """Give a finding about `count` of `total` things."""
    share = count / max(total, 1)
    return DataFinding(name=name, severity=severity, count=count, share=share, message=message)


def warning_up_to(most: float, *, count: int, total: int) -> Severity:
    """Give a warning for what can be an oversight, and a refusal beyond that share."""
    return "warning" if count <= most * total else "refusal"
