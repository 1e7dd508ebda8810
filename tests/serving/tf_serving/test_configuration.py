"""The real server's files, read as it reads them and held against what the gateway does."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from serving.gateway.api.schemas import MAX_INSTANCES
from serving.models import MODELS
from serving.tf_serving.model_config import model_config
from tests.serving.tf_serving.messages import message
from tests.stack import ROOT

FOLDER = ROOT / "serving" / "tf_serving"
BATCHING = ["batching-cpu.config", "batching-gpu.config"]


def read(file: str, name: str) -> Any:
    """Read one of the folder's files as the message of this name."""
    return text_format.Parse((FOLDER / file).read_text(), message(name))


def test_every_model_is_served() -> None:
    served = {config.name for config in read_models()}

    assert served == set(MODELS), (
        f"serving/tf_serving/models.config serves {sorted(served)}, and serving/models holds "
        f"{sorted(MODELS)}: copy a block of models.config for each that is missing"
    )


def test_models_are_served_as_by_tfgate_up(tmp_path: Path) -> None:
    for name in MODELS:
        (tmp_path / name).mkdir()
    written = model_config(tmp_path).replace(str(tmp_path), "/models")
    generated = text_format.Parse(written, ModelServerConfig())
    shipped = read_models()
    for config in shipped:
        config.ClearField("version_labels")

    assert shipped == list(generated.model_config_list.config)


def test_a_repository_behind_a_link_is_watched_through_the_link(tmp_path: Path) -> None:
    """The link may come to point elsewhere, as git-sync's does, and the one of a ConfigMap."""
    for commit in ("before", "after"):
        (tmp_path / commit / "housing").mkdir(parents=True)
    link = tmp_path / "current"
    link.symlink_to("before")

    config = text_format.Parse(model_config(link), ModelServerConfig())

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


def read_models() -> list[Any]:
    text = (FOLDER / "models.config").read_text()
    return list(text_format.Parse(text, ModelServerConfig()).model_config_list.config)
