"""Two revisions side by side: that it is those two, and how their figures are put together."""

import shutil
from pathlib import Path

import pytest
from rich.console import Console

from bench.compare import BEFORE, NOW, Turn, speed_table
from bench.revisions import WrongRevision, gateway, unpacked
from bench.stack import ROOT
from tests.programs import needs


def turn(name: str, per_second: float, cpu_milliseconds: float, failures: int = 0) -> Turn:
    return Turn(name, "house", per_second, cpu_milliseconds, failures)


def shown(turns: list[Turn]) -> list[list[str]]:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(speed_table(turns))
    return [[cell.strip() for cell in line.split("│")] for line in captured.get().splitlines()]


def test_each_round_gives_a_ratio_and_the_middle_one_counts() -> None:
    rows = shown(
        [
            *(turn(BEFORE, 1000, 0.5), turn(NOW, 2000, 0.25)),
            *(turn(NOW, 900, 0.5), turn(BEFORE, 1000, 0.4)),
            *(turn(BEFORE, 2000, 0.5), turn(NOW, 3000, 0.5)),
        ]
    )

    assert ["", "requests a second", "1,000", "2,000", "1.500", "0.900", "2.000", ""] in rows
    assert [
        *("", "gateway's CPU, ms a request", "0.500", "0.500"),
        *("1.000", "0.500", "1.250", ""),
    ] in rows
    assert not any("failures" in row for row in rows)


def test_failures_are_shown_beside_the_speed_they_may_have_bought() -> None:
    rows = shown([turn(BEFORE, 1000, 0.5), turn(NOW, 2000, 0.25, failures=7)])

    assert ["", "failures", "0", "7", "", "", "", ""] in rows


def test_a_folder_whose_code_would_not_run_is_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "proto", tmp_path / "proto")

    with (
        pytest.raises(WrongRevision, match="Python imports"),
        gateway(NOW, tmp_path, "127.0.0.1:1", tmp_path),
    ):
        pass


@needs("git", package="git")
def test_a_revision_that_git_does_not_know_is_refused() -> None:
    with pytest.raises(WrongRevision), unpacked("no-such-revision"):
        pass
