"""Every recorded call on models that are loaded, at the gateway before the embedded server.

An answer is as it was recorded; what is deliberately another stands here by name, with the reason.
"""

import json

import grpc
import pytest

from tests.contract.tf_serving import recorded
from tests.contract.tf_serving.recorded import Case, Outcome
from tests.contract.tf_serving.test_calls import COUNTER, INDEPENDENT
from tests.in_process import Gateway

# Why an answer is deliberately another one, and which.
_SHAPES = "a shape that the signature does not admit is refused, and not computed"
_WHOLE = "which models are served is not the business of the gateway's clients"
_FIRST = "the model is looked for first, and its label then"
_FAULT = "it is the client's fault, and INVALID_ARGUMENT says so"
DIFFERENT = {
    "reload_labels": ("UNIMPLEMENTED", _WHOLE),
    "predict_malformed_bytes": ("INVALID_ARGUMENT", _FAULT),
    "predict_label_unknown_model": ("NOT_FOUND", _FIRST),
    **dict.fromkeys(
        [
            *("predict_rank3", "predict_bad_inner_dim", "multi_wrong_inner_dim"),
            "tf2_wrong_shape",
        ],
        ("INVALID_ARGUMENT", _SHAPES),
    ),
}


def ask(gateway: Gateway, case: Case) -> Outcome:
    """Repeat a case's call."""
    metadata = {}
    if "client_timeout_s" in case:
        metadata["grpc-timeout"] = f"{int(1000 * case['client_timeout_s'])}m"
    path = f"/{case['service']}/{case['method']}"
    reply = gateway.call(path, recorded.request_of(case), metadata)
    if reply.code is not grpc.StatusCode.OK:
        return Outcome(reply.code.name, recorded.text(case, reply.details))
    answer = recorded.MESSAGES[case["method"]][1].FromString(reply.body)
    return Outcome("OK", answer=recorded.comparable(answer))


@pytest.mark.parametrize("case", INDEPENDENT, ids=lambda case: case["id"])
def test_answers_as_recorded(recorded_gateway: Gateway, case: Case) -> None:
    if case["id"] == "deadline_exceeded":
        case = recorded.until_released(case)
    got, expected = ask(recorded_gateway, case), recorded.expected(case)
    if case["id"] in DIFFERENT:
        assert got.code == DIFFERENT[case["id"]][0] != expected.code
        return
    assert (got.code, got.answer) == (expected.code, expected.answer)
    # The texts are our own where they say more.
    assert got.text or got.code == "OK"


def test_counter_keeps_its_state_between_calls(recorded_gateway: Gateway) -> None:
    """Its signatures have no batch: they go as they came, and each once."""
    # Its first question, which counts as well, is over then.
    assert recorded_gateway.client.get("/readyz/counter").status_code == 200
    reset, *others = COUNTER
    increment = json.loads(json.dumps(reset).replace("reset_counter", "incr_counter"))
    assert ask(recorded_gateway, reset) == recorded.expected(reset)
    assert ask(recorded_gateway, increment).code == "OK"
    for case in others:
        assert ask(recorded_gateway, case) == recorded.expected(case)


def test_what_is_deliberately_different_is_a_case() -> None:
    assert DIFFERENT.keys() <= {case["id"] for case in INDEPENDENT}
