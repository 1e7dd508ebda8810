"""The real server's files, read as it reads them and held against what the gateway does."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.gateway.api.schemas import MAX_INSTANCES
from serving.models import MODELS
from serving.tf_serving.model_config import model_config, read_exceptions
from serving.tf_serving.repository import find_models
from tests.serving.tf_serving.messages import message
from tests.serving.tf_serving.test_repository import write
from tests.stack import ROOT

FOLDER = ROOT / "serving" / "tf_serving"
BATCHING = ["batching-cpu.config", "batching-gpu.config"]


def read(file: str, name: str) -> Any:
    """Read one of the folder's files as the message of this name."""
    return text_format.Parse((FOLDER / file).read_text(), message(name))


def test_the_shipped_exceptions_are_none() -> None:
    assert read_exceptions(FOLDER / "exceptions.config") == {}


def test_the_example_among_the_exceptions_is_one(tmp_path: Path) -> None:
    lines = (FOLDER / "exceptions.config").read_text().splitlines()
    example = tmp_path / "exceptions.config"
    example.write_text("\n".join(line[2:] for line in lines if line.startswith("#   ")))

    exception = read_exceptions(example)["housing"]

    assert list(exception.model_version_policy.specific.versions) == [3, 4]
    assert dict(exception.version_labels) == {"stable": 3, "canary": 4}


def test_a_repository_behind_a_link_is_watched_through_the_link(tmp_path: Path) -> None:
    """The link may come to point elsewhere, as git-sync's does, and the one of a ConfigMap."""
    for commit in ("before", "after"):
        write(tmp_path / commit / "housing" / "1", "saved_model.pb")
    link = tmp_path / "current"
    link.symlink_to("before")

    config = text_format.Parse(model_config(find_models(link)), ModelServerConfig())

    (watched,) = config.model_config_list.config
    assert watched.base_path == f"{link}/housing"


def test_metrics_are_on_where_prometheus_asks() -> None:
    jobs = yaml.safe_load((ROOT / "monitoring" / "prometheus.yml").read_text())["scrape_configs"]
    job = next(job for job in jobs if job["job_name"] == "tfgate-model-server")

    prometheus = read("monitoring.config", "MonitoringConfig").prometheus_config

    assert prometheus.enable
    assert prometheus.path == job["metrics_path"]


@pytest.mark.parametrize("name", BATCHING)
def test_batches_take_the_largest_call_of_the_gateway(name: str) -> None:
    largest_call = max([MAX_INSTANCES, *(model.max_call_rows for model in MODELS.values())])

    assert read(name, "BatchingParameters").max_batch_size.value >= largest_call


@pytest.mark.parametrize("name", BATCHING)
def test_the_server_would_accept_the_batching_parameters(name: str) -> None:
    parameters = read(name, "BatchingParameters")
    sizes = list(parameters.allowed_batch_sizes)

    assert parameters.num_batch_threads.value > 0
    assert parameters.max_enqueued_batches.value > 0
    assert sizes == sorted(set(sizes))
    assert sizes[-1:] in ([], [parameters.max_batch_size.value])


@pytest.mark.parametrize("name", BATCHING)
def test_no_call_waits_for_company(name: str) -> None:
    timeout = read(name, "BatchingParameters").batch_timeout_micros

    assert timeout.value == 0


def test_kubernetes_gets_every_file() -> None:
    (generator,) = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["configMapGenerator"]
    files = {path.name for pattern in ("*.config", "*.sh") for path in FOLDER.glob(pattern)}

    assert set(generator["files"]) == files
