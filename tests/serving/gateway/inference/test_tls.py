"""TLS between the gateway and its model server: each side may want to know the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import grpc
import pytest

from tests import stack
from tests.certificates import Authority
from tests.example_bodies import HOUSE
from tests.fake_models import declared_models
from tests.fake_over_grpc import listening
from tests.faults import fail
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


def missing(address: str, settings: dict[str, Path]) -> str:
    """Say what a gateway with these settings, which must fail, tells those who run it."""
    with gateway_to(address, **settings) as tfgate:
        answer = tfgate.client.get("/readyz")
        assert answer.status_code == 503
        return str(answer.json()["detail"])


def test_what_a_server_misses_is_named(authority: Authority, tmp_path: Path) -> None:
    """gRPC says of each but the last two: Socket closed."""
    stranger = Authority(tmp_path, "stranger").issue("gateway.example")
    untrusted = {
        "model_server_certificate_file": stranger.certificate,
        "model_server_private_key_file": stranger.private_key,
    }
    with secure_server(authority, clients=authority) as address:
        told = missing(address, {})
        assert "it may want TLS (TFGATE_MODEL_SERVER_CA_FILE)" in told
        told = missing(address, trusting(authority))
        assert "it may want a client certificate (TFGATE_MODEL_SERVER_CERTIFICATE_FILE)" in told
        told = missing(address, trusting(authority) | untrusted)
        assert "it may not trust our certificate" in told
        told = missing(address, trusting(Authority(tmp_path, "another")))
        assert "do not vouch for" in told
    with listening(declared_models()) as address:
        assert "does not speak TLS" in missing(address, trusting(authority))


def test_a_server_that_speaks_http_is_told_from_one_that_is_away() -> None:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer((HOST, 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            told = missing(f"{HOST}:{server.server_port}", {})
        finally:
            server.shutdown()
            thread.join()

    assert "does not speak gRPC: the port for that is 8500" in told
    assert "cannot be reached" in missing(f"{HOST}:{stack.free_port()}", {})


def test_a_call_that_is_cut_off_is_no_missing_certificate() -> None:
    """The words of gRPC are the same when a server dies, but for its attempts to connect."""
    server = declared_models()
    server.faults["housing"] = fail(grpc.StatusCode.UNAVAILABLE, "Socket closed")
    with listening(server) as address, gateway_to(address) as tfgate:
        answer = tfgate.client.post("/predict/housing", json=HOUSE)

    assert answer.status_code == 503
    assert "cannot be reached" in answer.json()["detail"]
