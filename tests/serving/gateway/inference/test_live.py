"""Whether a version can stand in for another, by what both say of their signatures."""

import pytest

from proto.metadata_pb2 import SignatureDefMap
from serving.contract import Signature, TensorSpec
from serving.gateway.inference.live import LiveVersion, unfit

KM, FARE = TensorSpec("float32", (None, 1)), TensorSpec("float32", (None,))
COUNT = TensorSpec("int64", (None, 1))
STABLE = Signature(inputs={"km": KM}, outputs={"fare": FARE})


def version(number: int, **signatures: Signature) -> LiveVersion:
    return LiveVersion("fares", number, signatures, SignatureDefMap())


def test_a_version_with_more_to_offer_can_stand_in() -> None:
    richer = Signature(
        inputs={"km": KM, "tip": KM},
        outputs={"fare": FARE, "low": FARE},
        optional=frozenset({"tip"}),
    )

    assert unfit(version(2, serve=richer, explain=STABLE), version(1, serve=STABLE)) is None


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({}, "version 2 has no signature serve, which version 1 has"),
        (
            {"serve": Signature(inputs={"km": KM, "tip": KM}, outputs={"fare": FARE})},
            "version 2 has another serve: it needs the input tip as well",
        ),
        (
            {"serve": Signature(inputs={"km": KM}, outputs={})},
            "version 2 has another serve: the output fare is missing, and was float32[batch]",
        ),
        (
            {"serve": Signature(inputs={"km": COUNT}, outputs={"fare": FARE})},
            "version 2 has another serve: the input km is int64[batch, 1], and was "
            "float32[batch, 1]",
        ),
    ],
)
def test_what_would_refuse_what_another_answers_cannot(
    other: dict[str, Signature], why: str
) -> None:
    assert unfit(version(2, **other), version(1, serve=STABLE)) == why
