"""Certificates for a test: an authority of its own, and those that it vouches for, as PEM files."""

from dataclasses import dataclass
from pathlib import Path

import trustme
from google.protobuf import text_format

from proto.ssl_config_pb2 import SSLConfig


@dataclass(frozen=True)
class Identity:
    """Who a server or a client can prove to be: files of a certificate and of its private key."""

    certificate: Path
    private_key: Path


class Authority:
    """An authority that nobody knows; `certificate` is the file of those who shall trust it."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder = folder
        self._authority = trustme.CA()
        self.certificate = folder / f"{name}.pem"
        self._authority.cert_pem.write_to_path(str(self.certificate))

    def issue(self, *hosts: str) -> Identity:
        """Vouch for host names or addresses; the files are named after the first."""
        issued = self._authority.issue_cert(*hosts)
        identity = Identity(
            self._folder / f"{self.certificate.stem}-{hosts[0]}.pem",
            self._folder / f"{self.certificate.stem}-{hosts[0]}.key",
        )
        (chain,) = issued.cert_chain_pems
        chain.write_to_path(str(identity.certificate))
        issued.private_key_pem.write_to_path(str(identity.private_key))
        return identity


def write_ssl_config(path: Path, server: Identity, clients: Authority | None = None) -> Path:
    """Write a model server's --ssl_config_file; `clients` vouches for those that are served."""
    config = SSLConfig(
        server_key=server.private_key.read_text(),
        server_cert=server.certificate.read_text(),
    )
    if clients:
        config.custom_ca = clients.certificate.read_text()
        config.client_verify = True
    path.write_text(text_format.MessageToString(config))
    return path
