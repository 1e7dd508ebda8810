"""The simulated alerts of drift are those that are shipped, of rows that are drawn as they say."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from scipy.stats import norm

from bench import drift
from bench.drift import DAY, HOUR, SHIPPED, Alert, Inputs, Limits, Quantity, Traffic
from serving.card import Histogram
from serving.gateway.drift.statistics import shift
from tests import stack
from tests.programs import needs
from tests.promtool import promtool

TENTHS = [0.1] * 10 + [0.0]
INCOME = Histogram(
    quantity="income", edges=[float(edge) for edge in range(9)], shares=TENTHS, count=3_000
)
MOVED = [0.05] * 2 + [0.1] * 6 + [0.15] * 2 + [0.0]
QUANTITY = Quantity(INCOME, np.array(TENTHS), np.array(MOVED[::-1]))
LABELS = 'model="housing", version="2", quantity="income"'
NUM_STEPS = 24
ALERTS_FILE = stack.ROOT / "monitoring/rules/alerts.yml"


def test_windows_and_waits_are_those_of_the_rules() -> None:
    assert [Alert(HOUR, HOUR // 2), Alert(DAY, 2 * HOUR)] == drift.ALERTS


def test_limits_are_those_of_the_rules() -> None:
    groups = yaml.safe_load(ALERTS_FILE.read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    expressions = [each["expr"] for each in rules if each.get("alert") == "TfgateDrift"]
    assert len(expressions) == 2
    for expression in expressions:
        assert f"> {SHIPPED.drifted:g}\n" in expression
        assert f">= {SHIPPED.rows} * count by" in expression


def test_all_gateways_together_count_as_many_rows_as_come() -> None:
    rates = Traffic(3_000).rates(7 * DAY)
    counted = drift.drawn(np.random.default_rng(0), np.array(TENTHS), rates, repeated=1)
    assert counted.sum() == pytest.approx(rates.sum(), rel=0.01)
    assert counted.sum(axis=0) / counted.sum() == pytest.approx(TENTHS, abs=0.003)


def test_rows_that_come_again_come_as_often_as_said() -> None:
    rates = Traffic(3_000).rates(DAY)
    counted = drift.drawn(np.random.default_rng(0), np.array(TENTHS), rates, repeated=10)
    assert not (counted % 10).any()
    assert counted.sum() == pytest.approx(rates.sum(), rel=0.1)


def test_an_alert_waits_and_needs_rows() -> None:
    counted = np.tile(np.array([0] * 9 + [300, 0]), (HOUR, 1))  # all of them in one bin
    looks = drift.look(counted, QUANTITY, Alert(HOUR, 3))
    assert np.flatnonzero(looks.fires(Limits(0.1, 0))).tolist() == list(range(3, HOUR))
    # After four steps there are 1,200 rows, in eleven bins.
    first_enough = 3
    fires = looks.fires(Limits(0.1, 100))
    assert np.flatnonzero(fires).tolist() == list(range(first_enough + 3, HOUR))


def test_without_rows_nothing_is_raised() -> None:
    looks = drift.look(np.zeros((DAY, 11), np.int64), QUANTITY, Alert(HOUR, 1))
    assert not looks.fires(Limits(0.0, 0)).any()


def test_a_world_that_is_as_it_was_raises_nothing_and_one_that_is_not_is_found() -> None:
    model = Inputs("housing", 2, "incomes elsewhere", [QUANTITY])
    advanced: list[None] = []
    [*alarms] = drift.false_alarms([model], 1, lambda: advanced.append(None))
    [*changes] = drift.found_after([model], 2, lambda: advanced.append(None))

    assert len(advanced) == drift.num_steps([model])
    assert [each.a_month for each in alarms if each.limits == SHIPPED] == [0] * len(drift.TRAFFIC)
    for each in changes:
        if each.limits == SHIPPED:
            assert {found and found.quantity for found in each.found} == {"income"}
    [head, *rows] = drift.change_table(changes)
    assert len(rows) == len(drift.TRAFFIC)
    assert {len(row) for row in rows} == {len(head)}
    document = drift.as_document(alarms, changes)
    assert document["shipped"] == {"drifted": SHIPPED.drifted, "rows": SHIPPED.rows}


@needs("promtool", package="prometheus")
@pytest.mark.parametrize("shares", [QUANTITY.same, QUANTITY.shifted], ids=["same", "shifted"])
def test_prometheus_makes_the_same_of_all_gateways_as_python_does(
    shares: NDArray[np.float64], tmp_path: Path
) -> None:
    random = np.random.default_rng(0)
    gateways = random.multinomial(400, shares, (3, NUM_STEPS))  # [gateway, step, bin]
    looks = drift.look(gateways.sum(axis=0), QUANTITY, Alert(HOUR, 0))
    live = gateways[:, -HOUR:].sum(axis=(0, 1))
    p_value = shift(live, np.array(INCOME.shares), INCOME.count).p_value
    close_to = {"psi1h": (looks.indices[-1], 0.001)}
    if p_value > 0:
        close_to["sigmas1h"] = (norm.isf(p_value), 0.2)
    checks = [
        {
            "eval_time": "115m",
            "expr": f"abs(model_version_quantity:tfgate_drift:{name} - {value}) < bool {within}",
            "exp_samples": [{"labels": f"{{{LABELS}}}", "value": 1}],
        }
        for name, (value, within) in close_to.items()
    ]
    document = {
        "rule_files": [str(stack.ROOT / "monitoring/rules/drift.yml")],
        "tests": [
            {
                "interval": "5m",
                "input_series": [*told_of_training(), *counted_by(gateways)],
                "promql_expr_test": checks,
            }
        ],
    }
    file = tmp_path / "test.yml"
    file.write_text(yaml.safe_dump(document))
    promtool("test", "rules", str(file))


def told_of_training() -> Iterator[dict[str, str]]:
    yield {
        "series": f"tfgate_drift_training_rows{{{LABELS}}}",
        "values": f"{INCOME.count}x{NUM_STEPS}",
    }
    for bin_, share in enumerate(INCOME.shares):
        yield {
            "series": f'tfgate_drift_expected_share{{{LABELS}, bin="{bin_}"}}',
            "values": f"{share}x{NUM_STEPS}",
        }


def counted_by(gateways: NDArray[np.int64]) -> Iterator[dict[str, str]]:
    """Give the counters of each bin, int64[gateway, step, bin]; the last gateway begins anew."""
    for gateway, bin_ in np.ndindex(len(gateways), gateways.shape[2]):
        column = gateways[gateway, :, bin_]
        parts = [column] if gateway < len(gateways) - 1 else [column[:18], column[18:]]
        totals = np.concatenate([np.cumsum(part) for part in parts])
        yield {
            "series": f'tfgate_drift_rows_total{{{LABELS}, bin="{bin_}", gateway="{gateway}"}}',
            "values": " ".join(map(str, totals.tolist())),
        }
