"""Two versions are timed with batches that both take; how fast they are does not matter here."""

from pathlib import Path

import pytest

from bench import one_thread, versions

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("model", "bfloat16", "batches"),
    [
        ("housing", False, ["1", "32"]),
        ("image", True, ["1", "32"]),
        (
            "sentiment",
            False,
            ["1 of 20 words", "1 of 200 words", "1 of 800 words", "32 of 200 words"],
        ),
    ],
)
def test_versions_are_timed_with_batches_that_they_take(
    model: str, bfloat16: bool, batches: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(one_thread, "TURN_SECONDS", 0.0)
    monkeypatch.setattr(one_thread, "ROUNDS", 1)
    folder = max((ROOT / "models" / model).iterdir(), key=lambda version: int(version.name))
    timings = list(versions.compare(folder, folder, bfloat16=bfloat16))
    assert [timing.batch for timing in timings] == batches
    assert all(timing.earlier > 0 and timing.later > 0 for timing in timings)
