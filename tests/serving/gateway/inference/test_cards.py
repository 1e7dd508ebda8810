"""Model cards: each version is asked once for its own, and not for ever remembered."""

from collections import Counter
from dataclasses import replace

import grpc

from proto.status_pb2 import ModelVersionStatus
from serving.contract import Tensors
from tests.example_bodies import HOUSE
from tests.fake_model_server import AVAILABLE, DESCRIBE_SIGNATURE, FakeVersion, Refused
from tests.fake_models import declared_models, declared_version
from tests.in_process import Gateway, gateway

NUMBERS = range(1, 11)
END = ModelVersionStatus.END


def counted(number: int, asked: Counter[int]) -> FakeVersion:
    """Make a version that counts how often it is asked for its card."""
    version = declared_version("housing", number)
    describe = version.signatures[DESCRIBE_SIGNATURE]

    def run(inputs: Tensors) -> Tensors:
        asked[number] += 1
        return describe.run(inputs)

    return FakeVersion({**version.signatures, DESCRIBE_SIGNATURE: replace(describe, run=run)})


def warnings_of(tfgate: Gateway, version: int) -> int:
    """How many values a version calls unlike any that it has seen: that is in its card."""
    house = {**HOUSE, "latitude": 48.86}
    answer = tfgate.client.post(f"/predict/housing?version={version}", json=house)
    return len(answer.json()["prediction"]["warnings"])


def test_a_version_is_asked_for_its_card_once_until_it_has_gone() -> None:
    asked: Counter[int] = Counter()
    server = declared_models()
    server.models["housing"] = {number: counted(number, asked) for number in NUMBERS}
    with gateway(server) as tfgate:
        tfgate.wait_until_ready()
        for number in [*NUMBERS, *NUMBERS]:
            assert warnings_of(tfgate, number) == 1
        assert asked == dict.fromkeys(NUMBERS, 1)

        server.models["housing"][1].state = END
        assert tfgate.client.get("/readyz").is_success
        server.models["housing"][1].state = AVAILABLE

        assert warnings_of(tfgate, 1) == 1
        assert asked == {**dict.fromkeys(NUMBERS, 1), 1: 2}, "it may come back with another card"


def test_a_card_that_could_not_be_had_is_asked_for_again() -> None:
    server = declared_models()
    server.models["housing"][1] = silent = counted(1, Counter())
    describe = silent.signatures[DESCRIBE_SIGNATURE]

    def busy(_inputs: Tensors) -> Tensors:
        raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many calls")

    silent.signatures = {**silent.signatures, DESCRIBE_SIGNATURE: replace(describe, run=busy)}
    with gateway(server) as tfgate:
        tfgate.wait_until_ready()
        assert warnings_of(tfgate, 1) == 0

        silent.signatures = {**silent.signatures, DESCRIBE_SIGNATURE: describe}

        tfgate.wait_until(lambda: warnings_of(tfgate, 1) == 1, "warnings by its card")
