"""Which version answers: the newest, the one that is asked for by number or label, or none."""

from collections.abc import Mapping

import grpc
import httpx
import pytest

from proto.status_pb2 import ModelVersionStatus
from serving.contract import Tensors
from serving.models import MODELS
from tests import fake_models
from tests.example_bodies import EXAMPLES, HOUSE
from tests.fake_model_server import FakeModelServer, FakeVersion, Refused
from tests.fake_models import declared_version
from tests.in_process import Gateway

LOADING, END = ModelVersionStatus.LOADING, ModelVersionStatus.END


def dearer(inputs: Tensors) -> Tensors:
    """Answer as the second version does: twice what the first one would."""
    return {name: 2 * prices for name, prices in fake_models.housing(inputs).items()}


def answered_by(http: httpx.Client, **query: str | int) -> tuple[int, float]:
    """Return the version that answered, and its price."""
    answer = http.post("/predict/housing", params=query, json=HOUSE)
    assert answer.status_code == 200, answer.text
    return answer.json()["version"], answer.json()["prediction"]["price_usd"]


def labelled(http: httpx.Client) -> dict[str, int]:
    return {label: answered_by(http, label=label)[0] for label in ("stable", "canary")}


def problem_of(http: httpx.Client, **query: str | int) -> tuple[int, str]:
    answer = http.post("/predict/housing", params=query, json=HOUSE)
    return answer.status_code, answer.json()["code"]


def test_a_new_version_answers_once_it_is_there_and_the_old_one_stays_for_those_who_pin_it(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    _, price = answered_by(tfgate.client)

    server.models["housing"][2] = FakeVersion({}, LOADING)
    assert answered_by(tfgate.client) == (1, price)

    server.models["housing"][2] = declared_version("housing", 2, dearer)
    tfgate.wait_until(lambda: answered_by(tfgate.client) == (2, 2 * price), "the new version")
    assert answered_by(tfgate.client, version=1) == (1, price)
    assert answered_by(tfgate.client, version=2) == (2, 2 * price)


def test_when_the_newest_version_is_withdrawn_the_one_before_it_answers(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.models["housing"][2] = declared_version("housing", 2, dearer)
    tfgate.wait_until(lambda: answered_by(tfgate.client)[0] == 2, "the new version")

    server.models["housing"][2].state = END

    tfgate.wait_until(lambda: answered_by(tfgate.client)[0] == 1, "the version before")
    assert problem_of(tfgate.client, version=2) == (404, "unknown-version")


def test_a_version_that_cannot_be_loaded_leaves_the_one_before_it_answering(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    failed = Refused(grpc.StatusCode.DATA_LOSS, "it is cut off")
    server.models["housing"][2] = FakeVersion({}, END, failed)

    assert answered_by(tfgate.client)[0] == 1
    assert tfgate.client.get("/readyz").is_success
    assert problem_of(tfgate.client, version=2) == (404, "unknown-version")


def test_a_label_leads_to_its_version_until_it_is_taken_away(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.models["housing"][2] = declared_version("housing", 2, dearer)
    for labels in ({"stable": 1, "canary": 2}, {"stable": 2, "canary": 1}):
        server.labels["housing"] = labels

        tfgate.wait_until(lambda: labelled(tfgate.client) == server.labels["housing"], "labels")

    server.labels.clear()

    unknown = (404, "unknown-version")
    tfgate.wait_until(lambda: problem_of(tfgate.client, label="stable") == unknown, "no label")


@pytest.mark.parametrize("name", MODELS)
def test_what_is_not_served_is_unknown_and_named(http: httpx.Client, name: str) -> None:
    queries: list[Mapping[str, str | int]] = [{"version": 4711}, {"label": "canary"}]
    for query in queries:
        for path, body in (("", EXAMPLES[name]), ("/batch", {"instances": [EXAMPLES[name]]})):
            answer = http.post(f"/predict/{name}{path}", params=query, json=body)

            assert (answer.status_code, answer.json()["code"]) == (404, "unknown-version")
            for value in query.values():
                assert str(value) in answer.json()["detail"]


def test_a_model_without_any_version_is_a_503(tfgate: Gateway, server: FakeModelServer) -> None:
    server.models["housing"].clear()

    gone = (503, "model-unavailable")
    tfgate.wait_until(lambda: problem_of(tfgate.client) == gone, "that nobody is left")
    tfgate.wait_until(lambda: tfgate.missing().keys() == {"housing"}, "readiness without it")
    assert tfgate.client.post("/predict/image", json=EXAMPLES["image"]).is_success
