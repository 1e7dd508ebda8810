"""A few seconds of what `make fuzz` does for ten minutes."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.serving.pictures.fuzz import FILES, damaged, is_answered


@pytest.mark.parametrize("name", sorted(FILES))
def test_every_kind_is_answered_undamaged(name: str) -> None:
    assert is_answered(FILES[name]) == (name != "tiff F")


@given(seed=st.integers(min_value=0, max_value=2**32))
@settings(
    max_examples=600,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_damaged_pictures_are_answered_or_refused(seed: int) -> None:
    is_answered(damaged(seed))


def test_damaged_pictures_leave_nothing_on_the_console(capfd: pytest.CaptureFixture[str]) -> None:
    for seed in range(400):
        is_answered(damaged(seed))

    assert capfd.readouterr() == ("", "")
