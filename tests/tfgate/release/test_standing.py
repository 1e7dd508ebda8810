"""How a release stands, in words: a rule is broken before the guard takes anything back."""

import pytest

from tfgate.release.standing import Standing


@pytest.mark.parametrize(
    ("state", "says", "told"),
    [
        ("running", "broken", "drift broken: an index of 5; taken back if that lasts"),
        ("running", "holds", "drift holds: an index of 5"),
        ("taken back", "broken", "drift broken: an index of 5"),
    ],
)
def test_a_broken_rule_of_a_running_release_says_what_comes_of_it(
    state: str, says: str, told: str
) -> None:
    verdict = {"rule": "drift", "says": says, "words": "an index of 5"}

    assert Standing({"state": state, "figures": {"verdicts": [verdict]}}).verdicts == told
