"""Tables are whole in a terminal of any width."""

import io

import pytest
from rich.console import Console

from tfgate.loadtest.counts import Counts, ModelCounts
from tfgate.loadtest.result_tables import failures_table, models_table
from tfgate.tables import show

LARGE = ModelCounts(
    answered={10: 1_204_567, 2_500: 120_000, 14_000: 9_000}, failed={"503 of many words": 98_765}
)
COUNTS = Counts(seconds=6000, users=3000, starved=False, models={"sentiment": LARGE})


def shown(width: int) -> str:
    output = io.StringIO()
    console = Console(file=output, width=width)
    show(console, models_table(COUNTS))
    show(console, failures_table(COUNTS))
    return output.getvalue()


@pytest.mark.parametrize("width", [10, 40, 80, 200])
def test_no_figure_is_cut(width: int) -> None:
    told = shown(width)

    for figure in ("sentiment", "1,432,332", "238.7", "2,500", "14,000", "98,765", "(6.90%)"):
        assert figure in told
    assert "…" not in told


def test_eighty_columns_are_enough() -> None:
    assert all(len(line) <= 80 for line in shown(80).splitlines())
