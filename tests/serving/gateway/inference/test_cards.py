"""Model cards: each version is asked once for its own, and not for ever remembered."""

from collections import Counter
from dataclasses import replace

from serving.contract import Tensors
from tests.examples import HOUSE
from tests.fake_model_server import DESCRIBE_SIGNATURE, FakeVersion
from tests.fake_models import declared_models, declared_version
from tests.in_process import Gateway, gateway

NUM_VERSIONS = 10  # more than anybody serves at once, and than cards are kept


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


def test_a_version_is_asked_for_its_card_once_until_many_others_have_been() -> None:
    asked: Counter[int] = Counter()
    numbers = range(1, NUM_VERSIONS + 1)
    server = declared_models()
    server.models["housing"] = {number: counted(number, asked) for number in numbers}
    with gateway(server) as tfgate:
        tfgate.wait_until_ready()
        for number in numbers:
            for _ in range(3):
                assert warnings_of(tfgate, number) == 1
        assert [asked[number] for number in numbers[:-1]] == [1] * (NUM_VERSIONS - 1)

        assert warnings_of(tfgate, NUM_VERSIONS - 1) == 1
        assert asked[NUM_VERSIONS - 1] == 1
        assert warnings_of(tfgate, 1) == 1
        assert asked[1] == 2, "nothing may be kept for ever"
