"""TLS between the gateway and its model server: each side may want to know the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from tests.certificates import Authority
from tests.examples import HOUSE
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.in_process import gateway_to

HOST = "127.0.0.1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def secure_server(authority: Authority, clients: Authority | None = None) -> Iterator[str]:
    """Run a server that shows a certificate, and may want one; yields its address."""
    ours = authority.issue(HOST)
    credentials = grpc.ssl_server_credentials(
        [(ours.private_key.read_bytes(), ours.certificate.read_bytes())],
        clients and clients.certificate.read_bytes(),
        require_client_auth=clients is not None,
    )
    with listening(declared_models(), credentials=credentials) as address:
        yield address


def trusting(authority: Authority) -> dict[str, Path]:
    return {"model_server_ca_file": authority.certificate}


def outcome_of(address: str, settings: dict[str, Path]) -> int | str:
    """Ask a server through a gateway with these settings; return the status, or the problem."""
    with gateway_to(address, **settings) as tfgate:
        answer = tfgate.client.post("/predict/housing", json=HOUSE)
        return answer.status_code if answer.is_success else answer.json()["code"]


def test_predictions_pass_through_tls(authority: Authority) -> None:
    with secure_server(authority) as address:
        assert outcome_of(address, trusting(authority)) == 200


def test_a_server_that_another_authority_vouches_for_is_not_trusted(
    authority: Authority, tmp_path: Path
) -> None:
    with secure_server(authority) as address:
        for settings in (trusting(Authority(tmp_path, "stranger")), {}):
            assert outcome_of(address, settings) == "model-server-unavailable"


def test_a_server_may_ask_for_the_gateways_certificate(authority: Authority) -> None:
    ours = authority.issue("gateway.example")
    identity = {
        "model_server_certificate_file": ours.certificate,
        "model_server_private_key_file": ours.private_key,
    }
    with secure_server(authority, clients=authority) as address:
        assert outcome_of(address, trusting(authority) | identity) == 200
        assert outcome_of(address, trusting(authority)) == "model-server-unavailable"
