"""The embedded server behind TLS, asked by the official client."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest

from proto.ssl_config_pb2 import SSLConfig
from serving.embedded.__main__ import main
from serving.embedded.flags import parse
from serving.embedded.server import ModelServer
from serving.embedded.statuses import StatusError
from serving.embedded.tls import read_credentials
from tests.certificates import Authority, Identity, write_ssl_config
from tests.serving.embedded.numbered import answer, write_version
from tests.stack import free_port

HOST = "127.0.0.1"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def identity(authority: Authority) -> Identity:
    return authority.issue(HOST)


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "stranger")


@contextmanager
def secure_server(tmp_path: Path, ssl_config: Path, *flags: str) -> Iterator[str]:
    """Serve one version; yields the address."""
    base_path, port = tmp_path / "default", free_port()
    write_version(base_path, 1)
    line = [f"--port={port}", f"--model_base_path={base_path}", f"--ssl_config_file={ssl_config}"]
    server = ModelServer(parse([*line, *flags]).flags)
    try:
        server.start()
        yield f"{HOST}:{port}"
    finally:
        server.stop()


def secure_channel(
    address: str, trusted: Authority, identity: Identity | None = None
) -> grpc.Channel:
    credentials = grpc.ssl_channel_credentials(
        trusted.certificate.read_bytes(),
        identity and identity.private_key.read_bytes(),
        identity and identity.certificate.read_bytes(),
    )
    # A socket has no host that could be in a certificate.
    names = [("grpc.ssl_target_name_override", HOST)] if address.startswith("unix:") else []
    return grpc.secure_channel(address, credentials, options=names)


def is_turned_away(channel: grpc.Channel) -> bool:
    with channel, pytest.raises(grpc.RpcError) as refusal:
        answer(channel)
    code: grpc.StatusCode = refusal.value.code()
    return code is grpc.StatusCode.UNAVAILABLE


def test_only_clients_that_trust_the_server_are_answered(
    tmp_path: Path, authority: Authority, identity: Identity, stranger: Authority
) -> None:
    ssl_config = write_ssl_config(tmp_path / "ssl.config", identity)
    socket = f"unix:{tmp_path}/socket"
    with secure_server(tmp_path, ssl_config, f"--grpc_socket_path={tmp_path}/socket") as address:
        for target in (address, socket):
            with secure_channel(target, authority) as channel:
                assert answer(channel) == 1
            assert is_turned_away(secure_channel(target, stranger))
            assert is_turned_away(grpc.insecure_channel(target))


def test_clients_may_have_to_prove_who_they_are(
    tmp_path: Path, authority: Authority, identity: Identity, stranger: Authority
) -> None:
    ssl_config = write_ssl_config(tmp_path / "ssl.config", identity, clients=authority)
    with secure_server(tmp_path, ssl_config) as address:
        with secure_channel(address, authority, authority.issue("gateway.test")) as channel:
            assert answer(channel) == 1
        assert is_turned_away(secure_channel(address, authority))
        impostor = stranger.issue("gateway.test")
        assert is_turned_away(secure_channel(address, authority, impostor))


def test_a_certificate_of_no_use_is_not_asked_for(
    tmp_path: Path, authority: Authority, identity: Identity, stranger: Authority
) -> None:
    ssl_config = write_ssl_config(tmp_path / "ssl.config", identity)
    with (
        secure_server(tmp_path, ssl_config) as address,
        secure_channel(address, authority, stranger.issue("gateway.test")) as channel,
    ):
        assert answer(channel) == 1


def test_files_in_place_of_texts_are_refused(tmp_path: Path, identity: Identity) -> None:
    config = SSLConfig(server_key=str(identity.private_key), server_cert=str(identity.certificate))
    assert "PEM texts and not as paths" in refusal_of(tmp_path / "ssl.config", config)


def test_halves_of_different_identities_are_refused(
    tmp_path: Path, authority: Authority, identity: Identity
) -> None:
    config = SSLConfig(
        server_key=identity.private_key.read_text(),
        server_cert=authority.issue("other.test").certificate.read_text(),
    )
    assert "the server_cert that belongs to it" in refusal_of(tmp_path / "ssl.config", config)


def test_clients_cannot_be_verified_without_an_authority(
    tmp_path: Path, identity: Identity
) -> None:
    config = SSLConfig(
        server_key=identity.private_key.read_text(),
        server_cert=identity.certificate.read_text(),
        client_verify=True,
    )
    assert "needs a custom_ca" in refusal_of(tmp_path / "ssl.config", config)


def refusal_of(path: Path, config: SSLConfig) -> str:
    path.write_text(str(config))
    with pytest.raises(StatusError, match="INVALID_ARGUMENT") as refusal:
        read_credentials(str(path))
    assert str(path) in refusal.value.message
    return refusal.value.message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "NOT_FOUND: {path}; No such file or directory"),
        ("", "INVALID_ARGUMENT: {path}; Invalid argument"),
        ('server_key: "a"\nserver_key "SECRET"', "{path}', line 2, column "),
        ('\n\nserver_key: "SECRET\n"', "{path}', line 3, column "),
        ("server_password: 'SECRET'", "{path}', line 1, column "),
    ],
)
def test_a_file_that_cannot_be_read_refuses_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str | None, told: str
) -> None:
    """And is named, with the line, but never quoted: it holds a private key."""
    path = tmp_path / "ssl.config"
    if text is not None:
        path.write_text(text)
    with caplog.at_level(logging.INFO):
        line = [f"--port={free_port()}", "--model_base_path=/models", f"--ssl_config_file={path}"]
        assert main(line) != 0
    assert told.format(path=path) in caplog.text
    assert "SECRET" not in caplog.text
