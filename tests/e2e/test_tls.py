"""TLS between the gateway and its model server."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from serving.models import MODELS
from tests import stack
from tests.certificates import Authority, write_ssl_config

HOST = "127.0.0.1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@contextmanager
def secure_model_server(
    tmp_path: Path, authority: Authority, clients: Authority | None = None
) -> Iterator[str]:
    """Run a model server that shows a certificate, and may want one; yields its address."""
    ssl_config = write_ssl_config(tmp_path / "ssl.config", authority.issue(HOST), clients)
    flag = f"--ssl_config_file={ssl_config}"
    with stack.model_server(stack.SHIPPED_MODELS, tmp_path, flag) as address:
        yield address


def trusting(authority: Authority) -> dict[str, str]:
    return {"model_server_ca_file": str(authority.certificate)}


def test_predictions_pass_through_tls(tmp_path: Path, authority: Authority) -> None:
    with (
        secure_model_server(tmp_path, authority) as address,
        stack.gateway(address, **trusting(authority)) as url,
    ):
        stack.wait_until_ready(url)
        example = MODELS["housing"].example.model_dump(mode="json")

        assert httpx.post(f"{url}/predict/housing", json=example).is_success


def test_each_side_may_ask_for_the_others_certificate(tmp_path: Path, authority: Authority) -> None:
    ours = authority.issue("gateway.example")
    settings = {
        **trusting(authority),
        "model_server_certificate_file": str(ours.certificate),
        "model_server_private_key_file": str(ours.private_key),
    }
    with (
        secure_model_server(tmp_path, authority, clients=authority) as address,
        stack.gateway(address, **settings) as known,
        stack.gateway(address, **trusting(authority)) as unknown,
    ):
        stack.wait_until_ready(known)
        assert httpx.get(f"{unknown}/models").status_code == 503


def test_a_server_that_another_authority_vouches_for_is_not_trusted(
    tmp_path: Path, authority: Authority
) -> None:
    with (
        secure_model_server(tmp_path, authority) as address,
        stack.gateway(address, **trusting(authority)) as trusting_url,
        stack.gateway(address, **trusting(Authority(tmp_path, "stranger"))) as url,
        stack.gateway(address) as plain_url,
    ):
        stack.wait_until_ready(trusting_url)
        for each in (url, plain_url):
            answer = httpx.get(f"{each}/models")
            assert answer.status_code == 503
            assert answer.json()["code"] == "model-server-unavailable"
