"""How a model's limit follows what its calls tell: shrink, grow, back off, stay in bounds."""

from contextlib import ExitStack, suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from serving.errors import Overloaded
from serving.gateway.inference.concurrency_limit import MIN_LIMIT, WINDOW_CALLS, Limiter

MODEL = "admitted"
SHED = ("tfgate_requests_shed_total", {"model": MODEL, "reason": "limit"})
CALL_SECONDS = 0.01
IN_TIME, IN_VAIN = CALL_SECONDS / 10, 100 * CALL_SECONDS

seconds = st.floats(1e-6, 1e3)
max_limits = st.integers(int(MIN_LIMIT), 1_000)
# None is a call that did not come back in time.
calls = st.lists(st.none() | st.tuples(seconds, seconds), max_size=10 * WINDOW_CALLS)


def observe_window(limiter: Limiter, waited_seconds: float) -> None:
    for _ in range(WINDOW_CALLS):
        limiter.observe(waited_seconds, CALL_SECONDS)


def fill(limiter: Limiter) -> int:
    """Let in as many as may be, and out again; tells how many."""
    with ExitStack() as inside:
        num_inside = 0
        while not limiter.full:
            inside.enter_context(limiter)
            num_inside += 1
        with pytest.raises(Overloaded):
            inside.enter_context(limiter)
    return num_inside


@given(max_limit=max_limits, calls=calls, num_inside=st.integers(0, 40))
def test_the_limit_stays_in_bounds_and_is_what_is_let_in(
    max_limit: int, calls: list[tuple[float, float] | None], num_inside: int
) -> None:
    limiter = Limiter(MODEL, max_limit=max_limit)
    with ExitStack() as inside:
        for _ in range(min(num_inside, limiter.limit)):
            inside.enter_context(limiter)
        for call in calls:
            if call is None:
                limiter.back_off()
            else:
                limiter.observe(*call)
            assert MIN_LIMIT <= limiter.limit <= max_limit
            assert REGISTRY.get_sample_value("tfgate_requests_limit", {"model": MODEL}) == (
                limiter.limit
            )

    assert fill(limiter) == limiter.limit


@given(max_limit=max_limits)
def test_it_shrinks_while_rows_wait_much_longer_than_their_calls_take(max_limit: int) -> None:
    limiter = Limiter(MODEL, max_limit=max_limit)
    for _ in range(20):
        before = limiter.limit
        fill(limiter)
        observe_window(limiter, IN_VAIN)
        assert limiter.limit < before or limiter.limit == MIN_LIMIT

    assert limiter.limit == MIN_LIMIT


@given(max_limit=max_limits)
@settings(max_examples=20)
def test_it_grows_to_its_bound_while_it_is_used_and_rows_hardly_wait(max_limit: int) -> None:
    limiter = Limiter(MODEL, max_limit=max_limit)
    while limiter.limit > MIN_LIMIT:
        limiter.back_off()
    for _ in range(100):
        before = limiter.limit
        fill(limiter)
        observe_window(limiter, IN_TIME)
        assert limiter.limit > before or limiter.limit == max_limit

    assert limiter.limit == max_limit


def test_it_does_not_grow_while_it_is_not_in_the_way() -> None:
    limiter = Limiter(MODEL, max_limit=256)
    limiter.back_off()
    before = limiter.limit
    for _ in range(20):
        with limiter, limiter:
            observe_window(limiter, IN_TIME)

    assert limiter.limit == before


def test_it_backs_off_at_once_and_recovers() -> None:
    limiter = Limiter(MODEL, max_limit=256)
    before = limiter.limit

    limiter.back_off()
    assert limiter.limit == before / 2
    for _ in range(10):
        limiter.back_off()
    assert limiter.limit == MIN_LIMIT

    while limiter.limit < before:
        backed_off = limiter.limit
        fill(limiter)
        observe_window(limiter, IN_TIME)
        assert limiter.limit > backed_off


def test_only_whole_windows_count() -> None:
    limiter = Limiter(MODEL, max_limit=256)
    before = limiter.limit
    for _ in range(WINDOW_CALLS - 1):
        limiter.observe(IN_VAIN, CALL_SECONDS)
    assert limiter.limit == before

    limiter.observe(IN_VAIN, CALL_SECONDS)
    assert limiter.limit < before


def test_whoever_leaves_makes_room_however_they_leave() -> None:
    limiter = Limiter(MODEL, max_limit=8)
    for _ in range(20):
        with suppress(ValueError), limiter:
            raise ValueError

    assert fill(limiter) == 8


def test_each_request_that_is_turned_away_is_counted_once() -> None:
    limiter = Limiter(MODEL, max_limit=8)
    fill(limiter)
    before = REGISTRY.get_sample_value(*SHED) or 0.0

    fill(limiter)

    assert REGISTRY.get_sample_value(*SHED) == before + 1
