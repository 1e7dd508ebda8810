"""Writes figures for people: in reports, in summaries, and in the lists of a terminal."""


def number(value: float) -> str:
    """Write a figure with as many digits as are worth reading."""
    size = abs(value)
    if size >= 1_000:
        return f"{value:,.0f}"
    if size >= 1:
        return f"{value:.4g}"
    return f"{value:.4f}" if size >= 1e-4 or value == 0 else f"{value:.2e}"
