"""Whether requests may come: one model that cannot be asked costs no other its traffic."""

import grpc
import httpx
import pytest

from proto.open_inference_pb2 import (
    ModelReadyRequest,
    ModelReadyResponse,
    ServerReadyRequest,
    ServerReadyResponse,
)
from proto.status_pb2 import ModelVersionStatus
from serving.contract import Tensors
from serving.models import MODELS
from tests import fake_models
from tests.example_bodies import EXAMPLES
from tests.fake_model_server import FakeModelServer, Refused
from tests.generic_models import generic_models
from tests.in_process import Gateway, gateway, reading


def without_image() -> FakeModelServer:
    server = fake_models.declared_models()
    server.models["image"].clear()
    return server


def refuse(_inputs: Tensors) -> Tensors:
    raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "no kernel for this device")


def refusal(answer: httpx.Response) -> set[str]:
    """Return the models that a refusal names."""
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    return {error["field"] for error in answer.json()["errors"]}


def test_a_gateway_all_of_whose_models_can_be_asked_misses_nothing(http: httpx.Client) -> None:
    for path in ("/readyz", *(f"/readyz/{name}" for name in MODELS)):
        assert http.get(path).json() == {"status": "ready", "missing": {}}, path


def test_one_missing_model_is_told_and_keeps_the_others_in_service() -> None:
    with gateway(without_image()) as tfgate:
        tfgate.wait_until(lambda: tfgate.missing().keys() == {"image"}, "the other models")

        ready = tfgate.client.get("/readyz")
        assert ready.status_code == 200
        assert "no version" in ready.json()["missing"]["image"]
        assert tfgate.client.post("/predict/housing", json=EXAMPLES["housing"]).is_success


def test_each_model_can_be_probed_by_itself() -> None:
    with gateway(without_image()) as tfgate:
        tfgate.wait_until(lambda: tfgate.missing().keys() == {"image"}, "the other models")

        assert tfgate.client.get("/readyz/housing").is_success
        image = tfgate.client.get("/readyz/image")
        assert refusal(image) == {"image"}
        assert image.json()["code"] == "model-unavailable"
        unknown = tfgate.client.get("/readyz/tickets")
        assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown-model")
        assert "housing" in unknown.json()["detail"]


@pytest.mark.parametrize(
    ("required", "ready"),
    [("housing", True), ("housing, sentiment", True), ("image", False), ("housing,image", False)],
)
def test_models_that_are_required_must_all_be_there(required: str, *, ready: bool) -> None:
    with gateway(without_image(), required_models=required) as tfgate:
        tfgate.wait_until(lambda: tfgate.missing().keys() == {"image"}, "the other models")

        answer = tfgate.client.get("/readyz")

        assert answer.is_success == ready
        assert ready or refusal(answer) == {"image"}


def test_no_gateway_is_ready_none_of_whose_models_can_be_asked() -> None:
    server = FakeModelServer({name: {} for name in MODELS})
    with gateway(server, generic_models=()) as tfgate:
        answer = tfgate.client.get("/readyz")

        assert refusal(answer) == set(MODELS)
        assert answer.json()["code"] == "model-unavailable"


def test_a_model_server_with_other_models_than_are_declared_can_be_asked() -> None:
    """Which they are, nobody has said yet: the names come with those who ask."""
    with gateway(FakeModelServer({})) as tfgate:
        answer = tfgate.client.get("/readyz")

        assert answer.status_code == 200
        assert answer.json()["missing"].keys() == MODELS.keys()


def test_a_generic_model_is_probed_and_measured_like_any_other() -> None:
    with gateway(generic_models("forest")) as tfgate:
        ready = tfgate.client.get("/readyz/forest")
        assert ready.json() == {"status": "ready", "missing": {}}
        labels = {"model": "forest", "state": "available"}
        tfgate.wait_until(lambda: reading("tfgate_model_versions", **labels) == 1, "its version")
        tfgate.wait_until(lambda: reading("tfgate_model_ready", model="forest") == 1, "readiness")

        tfgate.server.models["forest"][1].state = ModelVersionStatus.LOADING
        assert refusal(tfgate.client.get("/readyz/forest")) == {"forest"}
        assert "forest" in tfgate.missing()
        tfgate.wait_until(lambda: reading("tfgate_model_ready", model="forest") == 0, "the metric")
        text = tfgate.client.get("/metrics").text
        assert 'tfgate_model_ready{model="forest"}' in text


def test_a_version_that_has_failed_holds_up_no_probe_when_it_hangs_later() -> None:
    """A probe has a few seconds; a model that took them all would take the others with it."""
    server = fake_models.declared_models()
    server.models["image"] = {2: fake_models.declared_version("image", 2, refuse)}
    with gateway(server, status_timeout_seconds=60) as tfgate:
        tfgate.wait_until(lambda: tfgate.missing().keys() == {"image"}, "its failure")
        server.hanging_probes.add(("image", 2))
        tfgate.wait_until(lambda: bool(server.probes_waiting), "another question")

        assert "refuses" in tfgate.client.get("/readyz").json()["missing"]["image"]

        assert server.probes_waiting


def ready_in_each_dialect(tfgate: Gateway, model: str) -> dict[str, bool]:
    """Ask in every way whether requests may come at all, and whether they may for a model."""
    paths = ("/readyz", "/v2/health/ready", f"/readyz/{model}", f"/v2/models/{model}/ready")
    found = {path: tfgate.client.get(path).status_code == 200 for path in paths}
    service = "/inference.GRPCInferenceService"
    server = tfgate.call(f"{service}/ServerReady", ServerReadyRequest().SerializeToString())
    one = tfgate.call(f"{service}/ModelReady", ModelReadyRequest(name=model).SerializeToString())
    found["ServerReady"] = ServerReadyResponse.FromString(server.body).ready
    found["ModelReady"] = ModelReadyResponse.FromString(one.body).ready
    return found


def test_every_dialect_says_the_same_of_readiness_also_while_the_gateway_winds_down() -> None:
    with gateway() as tfgate:
        tfgate.wait_until_ready()
        assert set(ready_in_each_dialect(tfgate, "housing").values()) == {True}

        tfgate.drain()

        assert set(ready_in_each_dialect(tfgate, "housing").values()) == {False}
        assert tfgate.client.post("/predict/housing", json=EXAMPLES["housing"]).is_success


def test_every_dialect_misses_a_model_that_is_required() -> None:
    with gateway(without_image(), required_models="image") as tfgate:
        tfgate.wait_until(lambda: tfgate.missing().keys() == {"image"}, "the other models")

        assert set(ready_in_each_dialect(tfgate, "image").values()) == {False}
