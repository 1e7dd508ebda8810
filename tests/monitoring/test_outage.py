"""A real outage: the model server is killed, and the project's own rules call for help."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from serving.models import MODELS
from soak.model_server import ModelServer
from tests import stack
from tests.monitoring.prometheus_server import MONITORING, Prometheus, prometheus
from tests.programs import needs

pytestmark = [
    needs("prometheus", package="prometheus"),
    needs("prometheus-alertmanager", package="prometheus-alertmanager"),
]


def test_killing_the_model_server_raises_the_alarm(tmp_path: Path) -> None:
    with (
        ModelServer(stack.shipped_models(tmp_path / "models"), tmp_path) as model_server,
        stack.gateway(model_server.address) as gateway,
        httpx.Client(base_url=gateway, timeout=30) as http,
    ):
        model_server.start()
        stack.wait_until_ready(gateway)
        # Nothing listens on the port of the second one, as after the death of TensorFlow Serving.
        nothing = f"127.0.0.1:{stack.free_port()}"
        targets = {
            "tfgate-gateway": gateway.removeprefix("http://"),
            "tfgate-model-server": nothing,
        }
        with (
            alertmanager(tmp_path) as manager,
            prometheus(
                targets, tmp_path, alertmanagers=[manager.base_url.netloc.decode()]
            ) as server,
        ):
            stack.wait_until(lambda: is_ready(server), "readiness as a metric")
            assert "TfgateErrorBudgetBurn" not in states(server)

            model_server.kill()
            stack.wait_until(lambda: ask(http) and fires(server), "the alarm")

            stack.wait_until(lambda: "TfgateErrorBudgetBurn" in told(manager), "word of it")

            # These two wait a minute or more, lest a restart wakes anybody.
            stack.wait_until(
                lambda: "TfgateModelUnavailable" in states(server), "the news of the models"
            )
            assert states(server)["TfgateTargetDown"] == "pending"
            assert server.targets()["tfgate-gateway"] == "up"
            alert = find(server, "TfgateErrorBudgetBurn")
            assert alert["labels"]["model"] == "housing"
            assert alert["labels"]["severity"] == "critical"
            assert alert["annotations"]["summary"].startswith("housing: ")
            assert "% of requests failed in the last hour" in alert["annotations"]["summary"]


@contextmanager
def alertmanager(scratch: Path) -> Iterator[httpx.Client]:
    """Run Alertmanager with the project's own configuration; yields a client of it."""
    address = f"127.0.0.1:{stack.free_port()}"
    command = [
        *("prometheus-alertmanager", "--log.level=warn", f"--web.listen-address={address}"),
        *(f"--config.file={MONITORING / 'alertmanager.yml'}", "--cluster.listen-address="),
        f"--storage.path={scratch / 'alerts'}",
    ]
    with (
        stack.process(command),
        httpx.Client(base_url=f"http://{address}", timeout=30) as http,
    ):
        stack.wait_until(
            lambda: stack.answers(f"http://{address}/-/ready"), "readiness of Alertmanager"
        )
        yield http


def told(manager: httpx.Client) -> set[str]:
    """Return the names of the alerts that Alertmanager has been told of."""
    return {alert["labels"]["alertname"] for alert in manager.get("/api/v2/alerts").json()}


def is_ready(server: Prometheus) -> bool:
    return len(server.query("tfgate_model_ready == 1")) == len(MODELS)


def ask(http: httpx.Client) -> bool:
    example = MODELS["housing"].example.model_dump(mode="json")
    return http.post("/predict/housing", json=example).status_code == 503


def fires(server: Prometheus) -> bool:
    return states(server).get("TfgateErrorBudgetBurn") == "firing"


def states(server: Prometheus) -> dict[str, str]:
    return {alert["labels"]["alertname"]: alert["state"] for alert in server.alerts()}


def find(server: Prometheus, name: str) -> dict[str, Any]:
    return next(alert for alert in server.alerts() if alert["labels"]["alertname"] == name)
