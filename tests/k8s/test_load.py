"""The load test's master and workers, started here with the arguments that their jobs give them."""

import subprocess
import sys
from contextlib import ExitStack

from serving.models import MODELS
from tests import stack
from tests.k8s.cluster import Cluster, cluster, in_every_overlay, name_of
from tests.programs import needs
from tests.stack import ROOT, free_port
from tests.tfgate.loadtest.stand_in import DECLARED, GENERIC, StandIn, standing_in
from tfgate.loadtest.load_test import LOCUSTFILE

pytestmark = needs("kubectl", package="kubernetes-client")


def arguments(applied: Cluster, workload: str, **replaced: str) -> list[str]:
    """The arguments of a workload, some with another value."""
    given: list[str] = applied.pod(workload).containers[0]["args"]
    names = {each.partition("=")[0] for each in given}
    options = {f"--{name.replace('_', '-')}": value for name, value in replaced.items()}
    assert options.keys() <= names
    kept = [each for each in given if each.partition("=")[0] not in options]
    return [*kept, *(f"{name}={value}" for name, value in options.items())]


@in_every_overlay
def test_master_and_workers_find_each_other_and_the_gateway(applied: Cluster) -> None:
    port = {each["name"]: each["port"] for each in _service(applied, "gateway")}["http"]
    assert f"--host=http://gateway:{port}" in arguments(applied, "loadtest-master")
    workers = applied.named("Job", "loadtest-workers")["spec"]
    assert workers["completions"] == workers["parallelism"]
    assert f"--expect-workers={workers['parallelism']}" in arguments(applied, "loadtest-master")
    master = applied.named("Service", "loadtest-master")
    assert f"--master-host={name_of(master)}" in arguments(applied, "loadtest-workers")
    assert f"--master-port={master['spec']['ports'][0]['port']}" in arguments(
        applied, "loadtest-workers"
    )


def _service(applied: Cluster, name: str) -> list[dict[str, str]]:
    ports: list[dict[str, str]] = applied.named("Service", name)["spec"]["ports"]
    return ports


def test_a_run_of_two_workers_ends_well() -> None:
    applied = cluster("load")
    locust = [sys.executable, "-m", "locust", f"--locustfile={LOCUSTFILE}"]
    port = str(free_port())
    worker = arguments(applied, "loadtest-workers", master_host="127.0.0.1", master_port=port)
    with standing_in(StandIn()) as gateway, ExitStack() as workers:
        master = arguments(
            applied,
            "loadtest-master",
            host=gateway.url,
            expect_workers="2",
            users="20",
            spawn_rate="20",
            run_time="3s",
        )
        for _ in range(2):
            workers.enter_context(stack.process([*locust, *worker]))
        done = subprocess.run(
            [*locust, *master, f"--master-bind-port={port}"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    assert done.returncode == 0, done.stderr
    assert all(gateway.asked[model] for model in (*MODELS, DECLARED, GENERIC))
