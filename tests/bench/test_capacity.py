"""The simulation: no request is lost or counted twice, and queues are as long as theory says."""

from dataclasses import replace
from random import Random

import pytest

from bench.capacity.balancers import subsets
from bench.capacity.clock import Clock, Processors
from bench.capacity.fleet import Fleet, Plan, closed_loop
from bench.capacity.gateway import Front
from bench.capacity.server import Service
from bench.capacity.shipped import Rules, Step, scaler

# A gateway of 5,000 requests a second before a server of 8,000 calls.
PLAN = Plan(
    front=Front(request=160e-6, call=200e-6, refusal=25e-6, wire=300e-6),
    service=Service(call_seconds=1e-3, row_seconds=20e-6, spread=0.1, parallel=8),
    num_gateways=4,
    num_servers=2,
    per_second=8_000,
    seconds=1.0,
    warmup=0.25,
)

SEEDED = Random(3)  # noqa: S311  # no secret depends on it


def mean_wait(rate: float, draw: str, processors: int = 1, number: int = 100_000) -> float:
    """Have pieces of work of one second on average come at random; give their mean wait."""
    clock, random = Clock(), Random(7)  # noqa: S311  # no secret depends on it
    queue = Processors(clock, processors)
    waits = []

    def come(left: int) -> None:
        seconds = random.expovariate(1.0) if draw == "exponential" else 1.0
        came = clock.now

        def done() -> float:
            waits.append(clock.now - came - seconds)
            return 0.0

        queue.give(seconds, done)
        if left:
            clock.at(clock.now + random.expovariate(rate), come, left - 1)

    clock.at(0.0, come, number - 1)
    clock.run()
    assert len(waits) == number
    return sum(waits) / number


@pytest.mark.parametrize(
    ("rate", "draw", "processors", "theory"),
    [
        # Source: Pollaczek-Khinchine, wait = load / (1 - load) * (1 + squared variation) / 2.
        (0.5, "exponential", 1, 1.0),
        (0.8, "exponential", 1, 4.0),
        (0.5, "constant", 1, 0.5),
        (0.8, "constant", 1, 2.0),
        # Source: Erlang's C formula for two at 0.8: 0.711 wait, 1 / (2 - 1.6) each.
        (1.6, "exponential", 2, 1.778),
    ],
)
def test_queues_are_as_long_as_theory_says(
    rate: float, draw: str, processors: int, theory: float
) -> None:
    assert mean_wait(rate, draw, processors) == pytest.approx(theory, rel=0.06)


def test_work_that_is_found_meanwhile_keeps_the_processor() -> None:
    clock = Clock()
    processor = Processors(clock)
    done = []

    def first() -> float:
        done.append(("first", clock.now))
        return 2.0

    def second() -> float:
        done.append(("second", clock.now))
        return 0.0

    processor.give(1.0, first)
    processor.give(1.0, second)
    clock.run()

    assert done == [("first", 1.0), ("second", 4.0)]
    assert processor.busy_seconds == 4.0


@pytest.mark.parametrize("per_second", [800, 8_000, 60_000])
def test_every_request_ends_once(per_second: float) -> None:
    outcome = Fleet(replace(PLAN, per_second=per_second)).run()

    assert outcome.ended == outcome.arrived
    assert outcome.arrived == pytest.approx(1.25 * per_second, rel=0.1)
    assert outcome.timed_out == outcome.unavailable == 0
    assert (outcome.refused > 0) == (per_second == 60_000)


@pytest.mark.parametrize(
    ("is_silent", "noticed", "times_out"),
    [(False, 0.5, False), (True, 0.8, False), (True, 9, True)],
)
def test_every_request_ends_once_although_a_server_goes(
    is_silent: bool, noticed: float, times_out: bool
) -> None:
    fleet = Fleet(PLAN)
    lost = fleet.servers[0]

    def notice() -> None:
        for gateway in fleet.gateways:
            gateway.lose(lost)

    fleet.clock.at(0.5, lost.fall_silent if is_silent else lost.end)
    fleet.clock.at(noticed, notice)
    outcome = fleet.run()

    assert outcome.ended == outcome.arrived
    assert (outcome.timed_out > 0) == times_out
    # Those that hear of it ask another server, which takes over.
    assert outcome.unavailable == 0


def test_without_any_server_requests_fail_after_some_tries() -> None:
    fleet = Fleet(replace(PLAN, per_second=100))
    for gateway in fleet.gateways:
        gateway.servers = []
    outcome = fleet.run()

    assert outcome.unavailable == outcome.arrived == outcome.ended > 0


def test_requests_that_meet_share_calls() -> None:
    alone = Fleet(replace(PLAN, per_second=40)).run()
    busy = Fleet(replace(PLAN, per_second=12_000)).run()

    assert alone.rows_per_call == pytest.approx(1, abs=0.05)
    assert busy.rows_per_call > 2
    # A lone request takes what its parts take, and nothing else.
    parts = 160e-6 + 200e-6 + 300e-6 + 1e-3 + 20e-6
    assert alone.milliseconds(50) == pytest.approx(1e3 * parts, rel=0.02)


def test_a_smaller_fleet_of_the_same_ratios_does_the_same() -> None:
    plan = replace(PLAN, num_gateways=40, num_servers=20, per_second=80_000)
    whole, scaled = Fleet(plan).run(), Fleet(plan.scaled(5)).run()

    assert scaled.arrived == pytest.approx(whole.arrived / 5, rel=0.05)
    assert scaled.rows_per_call == pytest.approx(whole.rows_per_call, rel=0.05)
    for percent in (50, 99):
        assert scaled.milliseconds(percent) == pytest.approx(whole.milliseconds(percent), rel=0.1)


def test_a_closed_loop_never_has_more_inside_than_it_has_connections() -> None:
    plan = replace(PLAN, num_gateways=1, num_servers=1, rules=Rules(max_requests=16))
    outcome = closed_loop(plan, 16, client_seconds=10e-6)

    assert outcome.refused == 0
    assert outcome.ended == outcome.arrived


def test_subsets_give_every_server_as_many_gateways() -> None:
    hands = subsets(num_servers=10, num_gateways=25, size=4, random=SEEDED)

    assert all(len(set(hand)) == 4 for hand in hands)
    counts = [sum(number in hand for hand in hands) for number in range(10)]
    assert sum(counts) == 100
    assert max(counts) - min(counts) <= 1


def test_the_autoscalers_are_read_from_the_manifests() -> None:
    gateway, server = scaler("gateway"), scaler("model-server")

    assert gateway.targets["cpu"] == 0.7
    assert gateway.targets["tfgate_requests_in_flight"] == 32
    assert gateway.up == [Step("Percent", 100, 30)]
    assert gateway.down == [Step("Percent", 100, 15)]
    assert server.up[0].kind == "Pods"
    assert server.targets.keys() == {"tfgate_predictions_waiting"}
