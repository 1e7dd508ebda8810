"""A label that operators set on a running server leads to its version."""

from pathlib import Path
from typing import Any

import grpc
import httpx
from google.protobuf import text_format
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub

from serving.models import MODELS
from serving.tf_serving.model_config import model_config
from tests import stack

HOUSE: dict[str, Any] = MODELS["housing"].example.model_dump(mode="json")


def test_a_label_picks_its_version_until_it_is_taken_away(tmp_path: Path) -> None:
    with (
        stack.model_server(stack.SHIPPED_MODELS, tmp_path) as address,
        stack.gateway(address) as url,
    ):
        stack.wait_until_ready(url)
        newest = httpx.post(f"{url}/predict/housing", json=HOUSE).json()["version"]

        reload(address, {"stable": newest})
        labelled = httpx.post(f"{url}/predict/housing?label=stable", json=HOUSE)
        assert (labelled.status_code, labelled.json()["version"]) == (200, newest)

        reload(address, {})
        gone = httpx.post(f"{url}/predict/housing?label=stable", json=HOUSE)
        assert (gone.status_code, gone.json()["code"]) == (404, "unknown-version")


def reload(address: str, labels: dict[str, int]) -> None:
    """Give the housing model these labels and no others."""
    request = ReloadConfigRequest()
    text_format.Parse(model_config(stack.SHIPPED_MODELS), request.config)
    for config in request.config.model_config_list.config:
        if config.name == "housing":
            config.version_labels.update(labels)
    with grpc.insecure_channel(address) as channel:
        ModelServiceStub(channel).HandleReloadConfigRequest(request, timeout=30)
