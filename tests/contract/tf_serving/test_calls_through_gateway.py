"""Every recorded call on models that are loaded, at the gateway before the embedded server.

An answer is as it was recorded; what is deliberately another stands here by name, with the reason.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from tests.contract.tf_serving import recorded
from tests.contract.tf_serving.recorded import Case, Outcome
from tests.contract.tf_serving.servers import (
    channel_to,
    embedded_address,
    wait_until_available,
    write_config,
)
from tests.contract.tf_serving.test_calls import COUNTER, INDEPENDENT, VERSIONS
from tests.in_process import Gateway, gateway_to

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
        ["predict_rank3", "predict_bad_inner_dim", "multi_wrong_inner_dim"],
        ("INVALID_ARGUMENT", _SHAPES),
    ),
}


@pytest.fixture(scope="module")
def gateway(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    config = tmp_path_factory.mktemp("config") / "models.config"
    write_config(config, {"half_plus_two": models / "saved_model_half_plus_two_cpu"})
    with embedded_address(f"--model_config_file={config}") as address:
        with channel_to(address) as channel:
            labels = next(
                c for c in recorded.read("grpc_main", models) if c["id"] == "reload_labels"
            )
            unlabelled = json.loads(json.dumps(labels))
            for model in unlabelled["request"]["config"]["model_config_list"]["config"]:
                model.pop("version_labels", None)
            recorded.ask(channel, unlabelled)
            for model, count in VERSIONS.items():
                wait_until_available(channel, model, count)
            recorded.ask(channel, labels)
        with gateway_to(address) as started:
            yield started


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
def test_answers_as_recorded(gateway: Gateway, case: Case) -> None:
    if case["id"] == "deadline_exceeded":
        case = recorded.until_released(case)
    got, expected = ask(gateway, case), recorded.expected(case)
    if case["id"] in DIFFERENT:
        assert got.code == DIFFERENT[case["id"]][0] != expected.code
        return
    assert (got.code, got.answer) == (expected.code, expected.answer)
    # The texts are our own where they say more.
    assert got.text or got.code == "OK"


def test_counter_keeps_its_state_between_calls(gateway: Gateway) -> None:
    """Its signatures have no batch: they go as they came, and each once."""
    reset, *others = COUNTER
    increment = json.loads(json.dumps(reset).replace("reset_counter", "incr_counter"))
    assert ask(gateway, reset) == recorded.expected(reset)
    assert ask(gateway, increment).code == "OK"
    for case in others:
        assert ask(gateway, case) == recorded.expected(case)


def test_what_is_deliberately_different_is_a_case() -> None:
    assert DIFFERENT.keys() <= {case["id"] for case in INDEPENDENT}
