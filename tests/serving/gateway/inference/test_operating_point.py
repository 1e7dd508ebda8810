"""What calls and rows are chosen over model servers of every kind, simulated by discrete events.

`python -m bench` has the whole table; here are its corners.
"""

import pytest

from bench.operating_points import (
    Backend,
    Load,
    Outcome,
    Simulation,
    adaptive,
    constant,
    controlled,
)
from serving.gateway.inference.operating_point import FIRST_CALLS
from tests.in_process import reading

CLOSED = Load(num_clients=128)
QUICK, SLOW = 0.2, 50.0  # ms of a call, before its rows
FREE, DEAR = 0.0, 5.0  # ms a row

# The best constants by `python -m bench`: calls, and rows of a call.
PAYS = [
    (Backend(QUICK, DEAR, 4), (32, 8)),
    (Backend(QUICK, FREE, 32), (16, 64)),
    (Backend(QUICK, 0.5, 32), (48, 8)),
    (Backend(2.0, 0.5, 4), (8, 64)),
    (Backend(SLOW, DEAR, 32), (24, 8)),
]
SINGLE = [Backend(fixed, row, 1) for fixed in (QUICK, 2.0, SLOW) for row in (FREE, 0.5, DEAR)]


@pytest.mark.parametrize(("backend", "best"), PAYS, ids=str)
def test_over_replicas_it_comes_within_a_tenth_of_the_best_constants(
    backend: Backend, best: tuple[int, int]
) -> None:
    expected = constant(*best, CLOSED, backend)

    found = adaptive(CLOSED, backend, 20_000 if backend.num_replicas > 4 else 6_000)

    assert found.throughput >= 0.9 * expected.throughput
    assert found.p99 <= 2 * expected.p99


@pytest.mark.parametrize("backend", SINGLE, ids=str)
def test_over_one_server_it_stays_as_good_as_two_calls(backend: Backend) -> None:
    today = constant(2, 64, CLOSED, backend)

    found = adaptive(CLOSED, backend, 3_000)

    assert found.calls <= 3
    assert found.throughput >= 0.93 * today.throughput


def test_where_rows_are_cheap_more_of_them_share_a_call_and_elsewhere_they_do_not() -> None:
    assert adaptive(CLOSED, Backend(SLOW, FREE, 1), 1_000).rows > 32
    assert adaptive(CLOSED, Backend(QUICK, DEAR, 1), 1_000).rows == 32


def simulate(load: Load, *backends: tuple[float, Backend], seconds: float) -> Simulation:
    run = Simulation(controlled(), load, backends)
    run.run(seconds=seconds)
    return run


def test_replicas_that_come_are_used_and_those_that_go_are_not_missed() -> None:
    few, many = Backend(10, 0.5, 1), Backend(10, 0.5, 16)
    run = simulate(CLOSED, (0, few), (30, many), (90, few), seconds=130)

    before, between, after = run.outcome(20, 30), run.outcome(80, 90), run.outcome(115, 130)

    assert between.throughput > 5 * before.throughput
    assert after.throughput > 0.85 * before.throughput


def test_a_version_that_is_slower_costs_no_more_than_it_must() -> None:
    fast, slow = Backend(2, 0.05, 4), Backend(20, 0.5, 4)
    run = simulate(CLOSED, (0, fast), (2, slow), seconds=32)

    assert run.outcome(22, 32).throughput > 0.9 * alone(slow).throughput


def alone(backend: Backend) -> Outcome:
    run = simulate(CLOSED, (0, backend), seconds=30)
    return run.outcome(20, 30)


def test_who_comes_alone_is_never_kept_waiting() -> None:
    run = simulate(Load(num_clients=1), (0, Backend(1, 0, 1)), seconds=5)

    assert run.outcome(0).p99 < 0.0018
    assert run.outcome(0).calls == FIRST_CALLS


def test_calls_that_are_refused_make_it_fall_back() -> None:
    """A model server that has no threads left says RESOURCE_EXHAUSTED."""
    point = controlled(max_calls=128)
    run = Simulation(point, CLOSED, [(0, Backend(SLOW, FREE, 32))])
    run.run(seconds=40)
    calls = point.calls
    assert calls >= 16

    point.back_off(run.now)

    assert point.calls <= calls / 2
    for _ in range(20):
        point.back_off(run.now)
    assert point.calls == FIRST_CALLS


@pytest.mark.parametrize("most", [1, 2, 5, 1_000])
def test_a_bound_is_kept_and_what_is_chosen_is_told(most: int) -> None:
    point = controlled(max_calls=most)
    run = Simulation(point, CLOSED, [(0, Backend(SLOW, DEAR, 32))])
    used = set()
    for _ in range(60):
        run.run(seconds=run.now + 1)
        used.add(point.calls)
        assert reading("tfgate_calls_limit", model="simulated") >= point.calls

    assert max(used) <= most
    assert max(used) >= min(most, 12)
