"""How a release file is rewritten: one model's values change, and nothing that a person typed."""

import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfgate.release.sections import OtherForm, with_release

TYPED = """\
# Our releases, see the wiki.
[cohorts.staff]
keys = ["alice"]  # on leave

# The reviews
[models.sentiment]
stable = 3 # since May

# The new one
[models.sentiment.candidate]
version = 4
steps = [  # slowly
  "1%/10m",
  "[5%/1h]",
]
# more to come?

[models.sentiment.guard]
errors = 0.01

# ---- the other team's ----

# Housing is slow.
[models.housing]
stable = 1
"""


def lines_of(text: str) -> set[str]:
    return {line for line in text.splitlines() if line}


def part(text: str, model: str = "sentiment") -> dict[str, Any]:
    return dict(tomllib.loads(text)["models"][model])


def test_a_promotion_takes_two_tables_away_and_changes_two_lines() -> None:
    changed = with_release(TYPED, "sentiment", {"stable": 4, "previous": 3})

    assert (
        changed
        == """\
# Our releases, see the wiki.
[cohorts.staff]
keys = ["alice"]  # on leave

# The reviews
[models.sentiment]
stable = 4 # since May
previous = 3

# ---- the other team's ----

# Housing is slow.
[models.housing]
stable = 1
"""
    )


def test_values_change_where_they_stand_and_new_ones_come_after_them() -> None:
    wanted = part(TYPED)
    started = datetime(2026, 11, 29, 12, tzinfo=UTC)
    wanted["candidate"] = {"version": 4, "percent": 10, "started": started}

    changed = with_release(TYPED, "sentiment", wanted)

    assert (
        """\
# The new one
[models.sentiment.candidate]
version = 4
# more to come?
percent = 10
started = 2026-11-29T12:00:00Z

[models.sentiment.guard]
"""
        in changed
    )
    assert lines_of(TYPED) - lines_of(changed) == {
        *("steps = [  # slowly", '  "1%/10m",', '  "[5%/1h]",', "]")
    }


def test_a_new_table_comes_after_those_of_its_model() -> None:
    wanted = {**part(TYPED), "shadow": {"version": 5}}

    changed = with_release(TYPED, "sentiment", wanted)

    before, after = changed.split("[models.sentiment.shadow]\nversion = 5\n\n")
    assert before.endswith("errors = 0.01\n\n# ---- the other team's ----\n\n")
    assert after == "# Housing is slow.\n[models.housing]\nstable = 1\n"


def test_a_new_model_comes_last() -> None:
    wanted = {"stable": 1, "candidate": {"version": 2, "percent": 5}}

    changed = with_release(TYPED, "naïve model", wanted)

    assert (
        changed
        == TYPED
        + """
[models."naïve model"]
stable = 1

[models."naïve model".candidate]
version = 2
percent = 5
"""
    )


@pytest.mark.parametrize("text", ["", "\n", "# nothing yet", "# nothing yet\n", "[cohorts]"])
def test_a_file_may_begin_empty(text: str) -> None:
    changed = with_release(text, "churn", {"stable": 1})

    assert changed.startswith(text.strip())
    assert changed.endswith("[models.churn]\nstable = 1\n")


@pytest.mark.parametrize(
    "text",
    [
        "[models.churn]\nstable = 1\ncandidate = {version = 2, percent = 5}\n",
        "[models.churn]\nstable = 1\ncandidate.version = 2\ncandidate.percent = 5",
        '[models.churn.candidate]\nversion = 2\npercent = 5\n[models."churn"]\nstable = 1\n',
        "[ models . churn ]\r\nstable = 1\r\n"
        "[models.churn.candidate]\r\nversion = 2\r\npercent = 5\r\n",
        "[models.churn]\nstable = 1\n[models.other]\nstable = 1\n"
        "[models.churn.candidate]\nversion = 2\npercent = 5\n",
        "[models]\n[models.churn]\nstable = 1\n[models.churn.candidate]\nversion = 2\npercent = 5",
    ],
)
def test_other_ways_to_write_the_same_are_changed_too(text: str) -> None:
    wanted = part(text, "churn")
    wanted["candidate"] = {**wanted["candidate"], "percent": 10}

    grown = with_release(text, "churn", wanted)
    gone = with_release(grown, "churn", {"stable": 1})

    assert part(grown, "churn") == wanted
    assert part(gone, "churn") == {"stable": 1}


@pytest.mark.parametrize(
    "text",
    [
        "models.churn.stable = 1\n",
        "[models]\nchurn = {stable = 1}\n",
        "models = {churn = {stable = 1}}\n",
        "[models]\nchurn.stable = 1\n",
    ],
)
def test_a_form_that_cannot_be_changed_is_refused_and_not_spoilt(text: str) -> None:
    with pytest.raises(OtherForm, match=r"Write it so"):
        with_release(text, "churn", {"stable": 2})


def test_headers_of_a_candidate_stay_where_they_are() -> None:
    text = TYPED.replace(
        "# more to come?\n", '\n[models.sentiment.candidate.headers]\nX-Beta = ["yes"]\n'
    )
    wanted = part(text)
    wanted["candidate"] = {**wanted["candidate"], "by": "api-key"}

    changed = with_release(text, "sentiment", wanted)

    assert part(changed) == wanted
    assert '[models.sentiment.candidate.headers]\nX-Beta = ["yes"]\n' in changed
    assert "headers" not in with_release(changed, "sentiment", {"stable": 3})


ROLES = st.fixed_dictionaries(
    {"stable": st.integers(1, 9)},
    optional={
        "previous": st.integers(1, 9),
        "candidate": st.fixed_dictionaries(
            {"version": st.integers(1, 9)},
            optional={
                "percent": st.integers(0, 100) | st.floats(0, 100),
                "steps": st.lists(st.sampled_from(["1%/10m", "[", "# no comment", 'a "b"'])),
                "started": st.just(datetime(2026, 1, 1, tzinfo=UTC)),
            },
        ),
        "shadow": st.fixed_dictionaries({"version": st.integers(1, 9)}),
        "guard": st.fixed_dictionaries({"errors": st.floats(0, 0.5)}),
    },
)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["sentiment", "b c", "[x]", "ü"]), ROLES), max_size=5))
def test_any_changes_one_after_the_other_leave_all_else_as_it_is(
    changes: list[tuple[str, dict[str, Any]]],
) -> None:
    text = TYPED
    for model, wanted in changes:
        before = tomllib.loads(text)
        text = with_release(text, model, wanted)
        models = {**before["models"], model: wanted}
        assert tomllib.loads(text) == {**before, "models": models}
    assert text.startswith(TYPED[: TYPED.index("# The reviews")])
    assert "# Housing is slow.\n[models.housing]\nstable = 1\n" in text
    assert "# ---- the other team's ----" in text
