"""The examples are right: each is sent as it stands, and the model gets what its signature asks."""

from collections.abc import Iterator

import numpy as np
import pytest
from grpc import StatusCode

from serving import tensors
from serving.contract import Signature, Tensors, TensorSpec
from serving.gateway.dialects.examples import Address, Dialect, example_body, example_requests
from serving.gateway.inference.example import example
from tests.example_requests import grpcurl_call, http_request, program_call
from tests.fake_model_server import DEFAULT_SIGNATURE, PredictCall
from tests.generic_models import SIGNATURES, generic_models
from tests.in_process import Gateway, gateway

ADDRESS = Address(url="http://gateway", grpc="gateway:8001")
CASES = [
    (model, name, dialect)
    for model, signatures in SIGNATURES.items()
    for name, signature in signatures.items()
    for dialect in example_requests(model, name, signature, ADDRESS)
]


@pytest.fixture(scope="module")
def tfgate() -> Iterator[Gateway]:
    with gateway(generic_models()) as tfgate:
        yield tfgate


def send(
    tfgate: Gateway, dialect: Dialect, text: str, monkeypatch: pytest.MonkeyPatch
) -> PredictCall:
    """Send an example; return the call of the model server that it led to."""
    before = len(tfgate.server.calls)
    if dialect.endswith("grpc"):
        is_program = dialect == "tf_serving_grpc"
        call = program_call(text, monkeypatch) if is_program else grpcurl_call(text)
        reply = tfgate.call(call.path, call.message)
        assert reply.code is StatusCode.OK, reply.details
    else:
        request = http_request(text)
        answer = tfgate.client.post(request.url, content=request.body, headers=request.headers)
        assert answer.status_code == 200, answer.text
    [made] = tfgate.server.calls[before:]
    return made


def assert_equal(sent: Tensors, expected: Tensors) -> None:
    assert sent.keys() == expected.keys()
    for name, array in expected.items():
        assert sent[name].dtype == array.dtype, name
        np.testing.assert_array_equal(sent[name], array, err_msg=name)


@pytest.mark.parametrize(("model", "name", "dialect"), CASES)
def test_an_example_is_answered(
    tfgate: Gateway, monkeypatch: pytest.MonkeyPatch, model: str, name: str, dialect: Dialect
) -> None:
    signature = SIGNATURES[model][name]

    text = example_requests(model, name, signature, ADDRESS)[dialect]
    call = send(tfgate, dialect, text, monkeypatch)

    assert len(text) < 2_000, "nobody reads more"
    assert call.request.model_spec.name == model
    # What is passed on as it came may leave the default's name out.
    assert (call.request.model_spec.signature_name or DEFAULT_SIGNATURE) == name
    assert_equal(tensors.decode_all(call.request.inputs), example(signature))


@pytest.mark.parametrize(
    ("model", "name"), [(model, name) for model in SIGNATURES for name in SIGNATURES[model]]
)
def test_a_body_is_answered_once_its_only_value_fills_the_shape(
    tfgate: Gateway, model: str, name: str
) -> None:
    signature = SIGNATURES[model][name]
    body = example_body(name, signature)
    if body is None:
        assert model in ("halves", "complex")
        return
    for tensor in body["inputs"]:
        assert len(tensor["data"]) <= 32
        if len(tensor["data"]) == 1:
            tensor["data"] *= int(np.prod(tensor["shape"]))

    answer = tfgate.client.post(f"/v2/models/{model}/infer", json=body)

    assert answer.status_code == 200, answer.text
    [*_, call] = tfgate.server.calls
    assert_equal(tensors.decode_all(call.request.inputs), example(signature))


def dialects_of(signature: Signature, address: Address = ADDRESS) -> set[str]:
    return set(example_requests("m", "s", signature, address))


def test_there_is_an_example_wherever_a_dialect_can_ask() -> None:
    rows, columns = "tf_serving_rest_rows", "tf_serving_rest_columns"
    others = {"open_inference_http", "open_inference_grpc", "tf_serving_grpc"}

    found = {model: dialects_of(next(iter(each.values()))) for model, each in SIGNATURES.items()}

    assert found.pop("complex") == set()
    assert found.pop("halves") == found.pop("short") == others
    assert found.pop("without a batch") == {columns, *others}
    for model, dialects in found.items():
        assert dialects == {rows, columns, *others}, model


def test_the_rest_api_asks_nothing_that_has_no_inputs() -> None:
    nothing = Signature({}, {"version": TensorSpec("string", ())})

    assert not any(each.startswith("tf_serving_rest") for each in dialects_of(nothing))


def test_there_is_none_over_grpc_without_its_port() -> None:
    [signature] = SIGNATURES["every-dtype"].values()

    assert not any("grpc" in each for each in dialects_of(signature, Address(grpc=None)))


def test_keys_and_tls_are_told_where_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    [signature] = SIGNATURES["every-dtype"].values()
    address = Address(
        url="https://models.example", grpc="models.example:443", tls=True, with_key=True
    )

    told = example_requests("m", "s", signature, address)

    for dialect, text in told.items():
        assert "models.example" in text
        assert "KEY" in text, dialect
    assert "-plaintext" not in told["open_inference_grpc"]
    assert "secure_channel" in told["tf_serving_grpc"]
    assert "insecure_channel" not in told["tf_serving_grpc"]
    header = http_request(told["open_inference_http"]).headers["X-API-Key"]
    assert header == "$KEY"


def test_what_an_address_or_a_name_holds_is_no_command() -> None:
    [signature] = SIGNATURES["every-dtype"].values()
    nasty = "$(touch x)`;'\"|&\n"
    address = Address(url=f"http://{nasty}", grpc=nasty)

    for dialect, text in example_requests(nasty, nasty, signature, address).items():
        if dialect.endswith("http") or "rest" in dialect:
            assert http_request(text).url.startswith(f"http://{nasty}/")
        elif dialect == "open_inference_grpc":
            assert grpcurl_call(text).address == nasty
        else:
            compile(text, "example", "exec")
