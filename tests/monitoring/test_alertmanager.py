"""Alertmanager's configuration: whom an alert reaches, as Alertmanager's own tool says."""

import subprocess

import pytest

from tests.monitoring.prometheus_server import MONITORING
from tests.programs import needs

CONFIG = str(MONITORING / "alertmanager.yml")

pytestmark = needs("amtool", package="prometheus-alertmanager")


def amtool(*arguments: str) -> str:
    """Run Alertmanager's tool and return what it prints."""
    command = ["amtool", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_alertmanager_accepts_it() -> None:
    told = amtool("check-config", CONFIG)

    assert "2 receivers" in told
    assert "3 inhibit rules" in told


@pytest.mark.parametrize(("severity", "receiver"), [("critical", "page"), ("warning", "ticket")])
def test_urgent_alerts_wake_somebody_and_others_wait(severity: str, receiver: str) -> None:
    route = ("config", "routes", "test", f"--config.file={CONFIG}", f"severity={severity}")

    assert amtool(*route).split() == [receiver]
