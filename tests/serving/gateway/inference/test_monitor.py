"""A version gets traffic by default once it has answered a real question, and not before."""

from collections.abc import Callable

import grpc
import httpx
import numpy as np
import pytest

from serving.contract import Tensors
from serving.models import MODELS
from tests import fake_models
from tests.example_bodies import EXAMPLES, HOUSE
from tests.fake_model_server import FakeModelServer, FakeSignature, FakeVersion, Refused
from tests.fake_models import declared_version
from tests.in_process import Gateway, gateway, reading


def without_variables(_inputs: Tensors) -> Tensors:
    """Fail as a version does that was loaded before its variables had arrived."""
    raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "Could not find variable dense/kernel")


def not_a_number(inputs: Tensors) -> Tensors:
    return {name: prices * np.nan for name, prices in fake_models.housing(inputs).items()}


def logits(inputs: Tensors) -> Tensors:
    """Answer with scores that are no probabilities."""
    answer = fake_models.sentiment(inputs)
    return {**answer, "scores": answer["scores"] * 100 - 50}


def names_that_are_no_text(inputs: Tensors) -> Tensors:
    answer = fake_models.sentiment(inputs)
    return {**answer, "classes": np.full_like(answer["classes"], b"\xff")}


def version_that_answers(tfgate: Gateway) -> int:
    answer = tfgate.client.post("/predict/housing", json=HOUSE)
    assert answer.status_code == 200, answer.text
    version: int = answer.json()["version"]
    return version


def unready(http: httpx.Client, model: str = "housing") -> dict[int, str]:
    versions = http.get(f"/models/{model}").json()["versions"]
    return {each["version"]: each["unready"] for each in versions if each["unready"]}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (without_variables, "failed: FAILED_PRECONDITION: Could not find variable dense/kernel"),
        (not_a_number, "no finite numbers"),
    ],
)
def test_a_version_that_fails_its_question_gets_no_traffic_and_says_why(
    tfgate: Gateway, server: FakeModelServer, answer: Callable[[Tensors], Tensors], reason: str
) -> None:
    server.models["housing"][2] = declared_version("housing", 2, answer)

    tfgate.wait_until(
        lambda: reading("tfgate_model_unready_versions", model="housing") == 1, "a look at it"
    )

    assert version_that_answers(tfgate) == 1
    assert tfgate.client.get("/readyz").is_success
    assert unready(tfgate.client).keys() == {2}
    assert reason in unready(tfgate.client)[2]
    assert tfgate.client.get("/models").json()["models"][0]["versions"][0]["unready"]


def test_it_is_asked_again_and_takes_over_once_it_answers(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.models["housing"][2] = declared_version("housing", 2, without_variables)
    tfgate.wait_until(lambda: unready(tfgate.client).keys() == {2}, "a look at it")

    server.models["housing"][2] = declared_version("housing", 2)

    tfgate.wait_until(lambda: version_that_answers(tfgate) == 2, "the mended version")
    assert unready(tfgate.client) == {}
    tfgate.wait_until(
        lambda: reading("tfgate_model_unready_versions", model="housing") == 0, "the metric"
    )


def test_who_names_the_version_is_answered_by_it_all_the_same(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.models["housing"][2] = declared_version("housing", 2, not_a_number)

    answer = tfgate.client.post("/predict/housing", params={"version": 2}, json=HOUSE)

    assert (answer.status_code, answer.json()["code"]) == (502, "prediction-failed")


def test_a_model_none_of_whose_versions_answers_is_not_ready(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.models["housing"] = {2: declared_version("housing", 2, without_variables)}

    assert "version 2" in tfgate.missing()["housing"]
    assert tfgate.missing().keys() == {"housing"}
    tfgate.wait_until(lambda: reading("tfgate_model_ready", model="housing") == 0, "the metric")


def test_what_is_answered_must_be_what_callers_are_promised(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    """Once it has traffic, a version's answers are only looked at for their shapes."""
    server.models["sentiment"][2] = declared_version("sentiment", 2, logits)

    tfgate.wait_until(lambda: bool(unready(tfgate.client, "sentiment")), "a look at it")

    assert "less than or equal to 1" in unready(tfgate.client, "sentiment")[2]


def test_a_version_that_nobody_can_understand_is_unready_and_stops_nothing_else(
    tfgate: Gateway, server: FakeModelServer
) -> None:
    server.models["sentiment"][2] = declared_version("sentiment", 2, names_that_are_no_text)

    tfgate.wait_until(lambda: bool(unready(tfgate.client, "sentiment")), "a look at it")

    assert "UnicodeDecodeError" in unready(tfgate.client, "sentiment")[2]
    assert tfgate.client.get("/readyz").is_success
    answer = tfgate.client.post("/predict/sentiment", json=EXAMPLES["sentiment"])
    assert answer.json()["version"] == 1


def test_a_version_that_hangs_keeps_nobody_waiting() -> None:
    server = fake_models.declared_models()
    with gateway(server, status_timeout_seconds=60) as tfgate:
        tfgate.wait_until_ready()
        server.models["housing"][2] = declared_version("housing", 2)
        server.hanging_probes.add(("housing", 2))

        tfgate.wait_until(lambda: unready(tfgate.client).keys() == {2}, "a look at it")

        assert "not answered its first question yet" in unready(tfgate.client)[2]
        assert version_that_answers(tfgate) == 1
        assert tfgate.client.get("/readyz").is_success


class Crowd(set[tuple[str, int]]):
    """Knows who has ever been in it, and how many at once."""

    def __init__(self) -> None:
        self.all: set[int] = set()
        self.most = 0

    def add(self, element: tuple[str, int]) -> None:
        super().add(element)
        self.all.add(element[1])
        self.most = max(self.most, len(self))


def test_few_are_asked_their_first_question_at_once() -> None:
    """A model server that optimises many graphs at once would be in time with none."""
    server = fake_models.declared_models()
    crowd = server.probes_waiting = Crowd()
    for number in range(2, 7):
        server.models["housing"][number] = declared_version("housing", number)
        server.hanging_probes.add(("housing", number))
    with gateway(server, status_timeout_seconds=0.2) as tfgate:
        tfgate.wait_until(lambda: crowd.all == {2, 3, 4, 5, 6}, "all to be asked")
    assert crowd.most == 2


def test_a_number_that_comes_back_is_asked_anew(tfgate: Gateway, server: FakeModelServer) -> None:
    server.models["housing"][2] = declared_version("housing", 2)
    tfgate.wait_until(lambda: version_that_answers(tfgate) == 2, "the new version")

    del server.models["housing"][2]
    tfgate.wait_until(lambda: version_that_answers(tfgate) == 1, "the version before")
    assert tfgate.client.get("/readyz").is_success
    server.models["housing"][2] = declared_version("housing", 2, not_a_number)

    tfgate.wait_until(lambda: unready(tfgate.client).keys() == {2}, "a look at it")
    assert version_that_answers(tfgate) == 1


def test_a_card_that_cannot_be_read_costs_the_warnings_and_no_more() -> None:
    server = fake_models.declared_models()
    asked: list[Tensors] = []
    server.models["housing"][1] = with_card(b"{no card", asked)
    with gateway(server) as tfgate:
        tfgate.wait_until_ready()
        assert len(asked) == 1
        for _ in range(3):
            answer = tfgate.client.post("/predict/housing", json={**HOUSE, "latitude": 48.86})
            assert answer.json()["prediction"]["warnings"] == []

        assert len(asked) == 1, "it is remembered"
        (version,) = tfgate.client.get("/models/housing").json()["versions"]
        assert (version["card"], version["unready"]) == (None, None)


def with_card(text: bytes, asked: list[Tensors]) -> FakeVersion:
    """Make a version of the houses that says this of itself; `asked` takes each question for it."""
    version = declared_version("housing", 1)

    def describe(inputs: Tensors) -> Tensors:
        asked.append(inputs)
        return {"card": np.array([text], dtype=object)}

    said = FakeSignature(version.signatures["describe"].tensors, describe)
    return FakeVersion({**version.signatures, "describe": said})


def test_every_model_is_asked_its_own_example(tfgate: Gateway) -> None:
    assert all(not unready(tfgate.client, name) for name in MODELS)
