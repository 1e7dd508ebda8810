"""The simulated autoscaler follows Kubernetes' rules, and what a rate needs adds up."""

from dataclasses import replace
from string import Template

import pytest

from bench.capacity.autoscaling import Pods
from bench.capacity.fleet import Fleet
from bench.capacity.measured import Costs, load
from bench.capacity.scenarios import fleet_for
from bench.capacity.shipped import Rules, Scaler, Step, scaler
from bench.capacity.sizing import Inputs, need, per_gateway, rows_per_call
from tests.stack import ROOT

GATEWAY = Scaler(
    least=2,
    most=100,
    targets={"cpu": 0.7},
    up=[Step("Percent", 100, 30)],
    up_window=0,
    down=[Step("Percent", 100, 15)],
    down_window=300,
)
SERVER = replace(GATEWAY, up=[Step("Pods", 2, 60)], down=[Step("Pods", 1, 60)], down_window=600)
# Other costs than those that were measured last, which change.
COSTS = Costs(
    gateway_request=100,
    gateway_call=200,
    server_call=800,
    server_row=10,
    client_request=10,
    wire=1_000,
    spread=0.1,
)
MEASURED = load().model_copy(update={"costs": {"house": COSTS, "review200": COSTS}})


def follow(pods: Pods, ratios: list[float], begin: int = 0) -> list[int]:
    """Let the autoscaler look every fifteen seconds, at a metric by its target."""
    numbers = []
    for number, ratio in enumerate(ratios):
        now = begin + 15 * number
        pods.pass_time(now)
        pods.follow(now, [ratio])
        numbers.append(pods.number)
    return numbers


def test_pods_are_doubled_at_most_within_the_time_of_the_policy() -> None:
    assert follow(Pods(GATEWAY, 0, 4), [9, 9, 9, 9, 9]) == [8, 8, 16, 16, 32]


def test_the_most_generous_policy_counts() -> None:
    both = replace(SERVER, up=[Step("Pods", 2, 60), Step("Percent", 100, 60)])

    assert follow(Pods(SERVER, 0, 10), [9] * 5) == [12, 12, 12, 12, 14]
    assert follow(Pods(both, 0, 10), [9] * 5) == [20, 20, 20, 20, 40]
    assert follow(Pods(both, 0, 1), [9] * 5) == [3, 3, 3, 3, 6]


def test_a_difference_within_a_tenth_changes_nothing() -> None:
    assert follow(Pods(GATEWAY, 0, 10), [1.09, 0.91]) == [10, 10]
    assert follow(Pods(GATEWAY, 0, 10), [1.11]) == [12]


def test_there_are_never_more_or_fewer_than_allowed() -> None:
    assert follow(Pods(GATEWAY, 0, 80), [9]) == [100]
    assert follow(Pods(replace(GATEWAY, down_window=0), 0, 10), [0.01]) == [2]


def test_pods_go_once_nothing_has_asked_for_them_through_the_window() -> None:
    numbers = follow(Pods(GATEWAY, 0, 10), [1, *[0.5] * 25])

    assert numbers[:21] == [10] * 21  # five minutes, at which the first wish is still seen
    assert numbers[21] == 5


def test_servers_go_one_by_one() -> None:
    numbers = follow(Pods(replace(SERVER, down_window=0), 0, 10), [0.5] * 9)

    assert numbers == [9, 9, 9, 9, 8, 8, 8, 8, 7]


def test_a_pod_that_starts_serves_nobody_yet() -> None:
    pods = Pods(GATEWAY, 20, 4)
    follow(pods, [2])
    assert (pods.ready, pods.number) == (4, 8)

    pods.pass_time(20)
    assert (pods.ready, pods.number) == (8, 8)


@pytest.mark.parametrize("workload", ["house", "review200"])
def test_what_a_rate_needs_adds_up(workload: str) -> None:
    small, large = (need(MEASURED, workload, rate) for rate in (50_000, 500_000))

    assert large.gateways == pytest.approx(10 * small.gateways, rel=0.05)
    assert large.servers == pytest.approx(10 * small.servers, abs=10)
    assert large.connections == large.gateways * large.servers
    assert large.series == pytest.approx(10 * small.series, rel=0.05)
    assert large.usd_per_million == pytest.approx(small.usd_per_million, rel=0.1)


def test_prices_are_what_they_are_set_to() -> None:
    free = Inputs(processor_hour_usd=0, gigabyte_hour_usd=0, gpu_hour_usd=0)
    cheap = Inputs(processor_hour_usd=0.02, gigabyte_hour_usd=0.0025, gpu_hour_usd=0.4)

    assert need(MEASURED, "house", 50_000, free).usd_per_million == 0
    for name in ("usd_per_million", "usd_per_million_with_gpus"):
        whole = getattr(need(MEASURED, "house", 50_000), name)
        assert getattr(need(MEASURED, "house", 50_000, cheap), name) == pytest.approx(whole / 2)


def test_calls_hold_more_the_more_comes_to_a_gateway() -> None:
    shares = [rows_per_call(COSTS, Rules(max_calls=2), rate) for rate in (100, 2_000, 5_000)]

    # Two calls of 2 ms and 10 µs a row, one after the other each: rows = rate * time / 2.
    assert shares == pytest.approx([1.0, 2.02, 5.13], rel=0.01)
    busy = 5_000 * (100e-6 + 200e-6 / 5.13)
    assert per_gateway(COSTS, Rules(max_calls=2), busy) == pytest.approx(5_000, rel=0.01)


def test_paper_and_simulation_agree_on_the_load() -> None:
    plan = replace(fleet_for(MEASURED, "house", 20_000), seconds=1.0, warmup=0.2)
    fleet = Fleet(plan)
    fleet.run()

    assert fleet.busy[0] == pytest.approx(scaler("gateway").targets["cpu"], rel=0.1)


def test_the_page_is_written_from_its_template() -> None:
    page = (ROOT / "docs/capacity.md").read_text()
    template = (ROOT / "bench/capacity/page.md").read_text()

    assert Template(template).is_valid()
    lines = [line for line in template.splitlines() if "$" not in line]
    assert [line for line in lines if line not in page] == []
    assert "$" not in page.replace("| $ a million predictions", "")
