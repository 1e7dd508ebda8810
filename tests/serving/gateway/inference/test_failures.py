"""The model server is away, or answers what cannot be read; the gateway stays up and says so."""

import pytest

from proto.status_pb2 import GetModelStatusResponse, ModelVersionStatus
from serving.models import MODELS
from tests.example_bodies import EXAMPLES, HOUSE
from tests.fake_models import declared_models
from tests.in_process import Gateway, gateway, reading

TARGET = "model-server.test:8500"
LATER_STATE = GetModelStatusResponse(
    model_version_status=[ModelVersionStatus(version=1, state=60)]  # type: ignore[arg-type]
).SerializeToString()


def test_a_gateway_outlives_its_model_server() -> None:
    """First nobody is there, then a server comes, is gone, and comes back."""
    server = declared_models()
    server.reachable = False
    with gateway(server, model_server=TARGET) as tfgate:
        assert_unavailable(tfgate)
        for _ in range(2):
            server.reachable = True
            tfgate.wait_until(lambda: is_answered(tfgate), "an answer")
            tfgate.wait_until_ready()

            server.reachable = False
            tfgate.wait_until(lambda: not tfgate.client.get("/readyz").is_success, "no readiness")
            assert_unavailable(tfgate)


def is_answered(tfgate: Gateway) -> bool:
    return tfgate.client.post("/predict/housing", json=HOUSE).is_success


def assert_unavailable(tfgate: Gateway) -> None:
    assert tfgate.client.get("/healthz").status_code == 200
    ready = tfgate.client.get("/readyz")
    assert (ready.status_code, ready.json()["code"]) == (503, "model-server-unavailable")
    assert {error["field"] for error in ready.json()["errors"]} == set(MODELS)
    for method, path in (("POST", "/predict/housing"), ("GET", "/models")):
        answer = tfgate.client.request(method, path, json=HOUSE)
        assert (answer.status_code, answer.json()["code"]) == (503, "model-server-unavailable")
        assert TARGET in answer.json()["detail"]
        assert answer.headers["Retry-After"]


def test_another_model_under_the_name_is_not_ready_and_says_why() -> None:
    server = declared_models()
    server.models["image"] = server.models["housing"]
    with gateway(server) as tfgate:
        tfgate.wait_until(lambda: tfgate.missing().keys() == {"image"}, "readiness but for one")

        assert "input" in tfgate.missing()["image"]
        assert "version" in tfgate.missing()["image"]
        assert tfgate.client.post("/predict/image", json=EXAMPLES["image"]).is_server_error
        assert is_answered(tfgate)


@pytest.mark.parametrize("status", [b"\xff\xff", LATER_STATE], ids=["garbage", "unknown state"])
def test_states_that_cannot_be_read_are_told_and_looked_at_again(status: bytes) -> None:
    server = declared_models()
    server.nonsense["GetModelStatus"] = status
    with gateway(server) as tfgate:
        assert tfgate.client.get("/readyz").status_code == 503
        assert tfgate.missing().keys() == set(MODELS)
        assert tfgate.client.get("/models").status_code in {200, 502}
        tfgate.wait_until(
            lambda: not any(reading("tfgate_model_ready", model=name) for name in MODELS),
            "the metric",
        )

        server.nonsense.clear()
        tfgate.wait_until_ready()
