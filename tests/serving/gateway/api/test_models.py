"""GET /models: which versions there are, how they stand, and how each model is asked."""

import grpc
import httpx
import pytest

from proto.status_pb2 import ModelVersionStatus
from serving.card import ModelCard
from serving.models import MODELS
from tests.example_bodies import EXAMPLES
from tests.fake_model_server import FakeModelServer, FakeVersion, Refused
from tests.fake_models import EXPLANATIONS, declared_version


def test_the_list_names_every_model_with_its_versions(http: httpx.Client) -> None:
    assert http.get("/models").json()["models"] == [
        {
            "name": name,
            "typed": True,
            "versions": [
                {
                    "version": 1,
                    "state": "AVAILABLE",
                    "error": None,
                    "unready": None,
                    "explains": name in EXPLANATIONS,
                }
            ],
            "release": None,
        }
        for name in MODELS
    ]


def test_versions_are_told_newest_first_with_their_states(
    http: httpx.Client, server: FakeModelServer
) -> None:
    failed = Refused(grpc.StatusCode.NOT_FOUND, "there is no graph")
    server.models["housing"] |= {
        2: declared_version("housing", 2),
        3: FakeVersion({}, ModelVersionStatus.LOADING),
        4: FakeVersion({}, ModelVersionStatus.END, failed),
    }

    versions = http.get("/models/housing").json()["versions"]

    told = [(each["version"], each["state"], each["error"]) for each in versions]
    assert told == [
        (4, "END", "there is no graph"),
        (3, "LOADING", None),
        (2, "AVAILABLE", None),
        (1, "AVAILABLE", None),
    ]
    cards = [each["card"] and each["card"]["version"] for each in versions]
    assert cards == [None, None, 2, 1]


@pytest.mark.parametrize("name", MODELS)
def test_a_model_describes_itself(http: httpx.Client, name: str) -> None:
    description = http.get(f"/models/{name}").json()

    [*_, default] = description["signatures"].values()
    assert set(default["inputs"]) == set(MODELS[name].signature.inputs)
    assert description["example"] == EXAMPLES[name]
    assert set(description["request_schema"]["properties"]) == set(description["example"])
    answer = http.post(f"/predict/{name}", json=description["example"])
    documented = set(description["response_schema"]["properties"])
    assert documented - {"explanation"} == set(answer.json()["prediction"])
    assert ("explanation" in documented) == (MODELS[name].explanation is not None)
    (version,) = description["versions"]
    card = ModelCard.model_validate(version["card"])
    assert (card.name, card.version) == (name, 1)
