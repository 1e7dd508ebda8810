"""Where better hyper-parameters may be: what a recipe declares, and `experiments` search."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included; whole ones if both are.

    With `logarithmic`, each order of magnitude is as likely as any other.
    """

    low: float
    high: float
    logarithmic: bool = False


@dataclass(frozen=True)
class Choice:
    """One of these values."""

    values: tuple[int | float | str | bool, ...]
