"""How a model's limit follows what its calls tell: shrink, grow, back off, stay in bounds."""

from contextlib import ExitStack, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import Overloaded
from serving.gateway.inference.concurrency_limit import MIN_LIMIT, WINDOW_CALLS, ConcurrencyLimit
from tests.in_process import growth, reading

MODEL = "admitted"
CALL_SECONDS = 0.01
IN_TIME, IN_VAIN = CALL_SECONDS / 10, 100 * CALL_SECONDS

seconds = st.floats(1e-6, 1e3)
max_limits = st.integers(int(MIN_LIMIT), 1_000)
# None is a call that did not come back in time.
calls = st.lists(st.none() | st.tuples(seconds, seconds), max_size=10 * WINDOW_CALLS)


def observe_window(limit: ConcurrencyLimit, waited_seconds: float) -> None:
    for _ in range(WINDOW_CALLS):
        limit.observe(waited_seconds, CALL_SECONDS)


def fill(limit: ConcurrencyLimit) -> int:
    """Let in as many as may be, and out again; tells how many."""
    with ExitStack() as inside:
        num_inside = 0
        while limit.room > 0:
            inside.enter_context(limit)
            num_inside += 1
        with pytest.raises(Overloaded):
            inside.enter_context(limit)
    return num_inside


@given(max_limit=max_limits, calls=calls, num_inside=st.integers(0, 40))
def test_the_limit_stays_in_bounds_and_is_what_is_let_in(
    max_limit: int, calls: list[tuple[float, float] | None], num_inside: int
) -> None:
    limit = ConcurrencyLimit(MODEL, max_limit=max_limit)
    with ExitStack() as inside:
        for _ in range(min(num_inside, limit.limit)):
            inside.enter_context(limit)
        for call in calls:
            if call is None:
                limit.back_off()
            else:
                limit.observe(*call)
            assert MIN_LIMIT <= limit.limit <= max_limit
        assert reading("tfgate_requests_limit", model=MODEL) == limit.limit

    assert fill(limit) == limit.limit


@given(max_limit=max_limits)
def test_it_shrinks_while_rows_wait_much_longer_than_their_calls_take(max_limit: int) -> None:
    limit = ConcurrencyLimit(MODEL, max_limit=max_limit)
    for _ in range(20):
        before = limit.limit
        fill(limit)
        observe_window(limit, IN_VAIN)
        assert limit.limit < before or limit.limit == MIN_LIMIT

    assert limit.limit == MIN_LIMIT


@given(max_limit=max_limits)
@settings(max_examples=20)
def test_it_grows_to_its_bound_while_it_is_used_and_rows_hardly_wait(max_limit: int) -> None:
    limit = ConcurrencyLimit(MODEL, max_limit=max_limit)
    while limit.limit > MIN_LIMIT:
        limit.back_off()
    for _ in range(100):
        before = limit.limit
        fill(limit)
        observe_window(limit, IN_TIME)
        assert limit.limit > before or limit.limit == max_limit

    assert limit.limit == max_limit


def test_it_does_not_grow_while_it_is_not_in_the_way() -> None:
    limit = ConcurrencyLimit(MODEL, max_limit=256)
    limit.back_off()
    before = limit.limit
    for _ in range(20):
        with limit, limit:
            observe_window(limit, IN_TIME)

    assert limit.limit == before


def test_it_backs_off_at_once_and_recovers() -> None:
    limit = ConcurrencyLimit(MODEL, max_limit=256)
    before = limit.limit

    limit.back_off()
    assert limit.limit == before / 2
    for _ in range(10):
        limit.back_off()
    assert limit.limit == MIN_LIMIT

    while limit.limit < before:
        backed_off = limit.limit
        fill(limit)
        observe_window(limit, IN_TIME)
        assert limit.limit > backed_off


def test_only_whole_windows_count() -> None:
    limit = ConcurrencyLimit(MODEL, max_limit=256)
    before = limit.limit
    for _ in range(WINDOW_CALLS - 1):
        limit.observe(IN_VAIN, CALL_SECONDS)
    assert limit.limit == before

    limit.observe(IN_VAIN, CALL_SECONDS)
    assert limit.limit < before


def test_whoever_leaves_makes_room_however_they_leave() -> None:
    limit = ConcurrencyLimit(MODEL, max_limit=8)
    for _ in range(20):
        with suppress(ValueError), limit:
            raise ValueError

    assert fill(limit) == 8


def test_each_request_that_is_turned_away_is_counted_once() -> None:
    limit = ConcurrencyLimit(MODEL, max_limit=8)
    fill(limit)
    refused = growth("tfgate_requests_shed_total", model=MODEL, reason="limit")

    fill(limit)

    assert refused() == 1
