"""The whole way over TLS, with a model server that wants to know who asks."""

from pathlib import Path

import httpx

from tests import stack
from tests.certificates import Authority, write_ssl_config
from tests.example_bodies import HOUSE


def test_gateway_and_model_server_prove_themselves_to_each_other(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server, ours = authority.issue("127.0.0.1"), authority.issue("gateway.example")
    ssl_config = write_ssl_config(tmp_path / "ssl.config", server, authority)
    shipped = stack.shipped_models(tmp_path / "shipped")
    repository = stack.linked_repository(tmp_path / "models", housing=shipped / "housing")
    settings = {
        "model_server_ca_file": str(authority.certificate),
        "model_server_certificate_file": str(ours.certificate),
        "model_server_private_key_file": str(ours.private_key),
    }
    with (
        stack.model_server(repository, tmp_path, f"--ssl_config_file={ssl_config}") as address,
        stack.gateway(address, **settings) as url,
    ):
        stack.wait_until(lambda: is_answered(url), "an answer")


def is_answered(url: str) -> bool:
    return httpx.post(f"{url}/predict/housing", json=HOUSE).is_success
