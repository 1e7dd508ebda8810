"""Whether files hold certificates that are of use: gRPC would start with any, and fail for ever."""

import ssl
from pathlib import Path


def check_pair(prefix: str, certificate: Path | None, key: Path | None) -> None:
    """See that a certificate has a key, and a key a certificate; `prefix` is their settings'.

    Raises:
        ValueError: one of them is missing.
    """
    if (certificate is None) != (key is None):
        message = f"{prefix}_CERTIFICATE_FILE and {prefix}_PRIVATE_KEY_FILE go together"
        raise ValueError(message)


def load_pair(context: ssl.SSLContext, prefix: str, certificate: Path, key: Path | None) -> None:
    """See that a certificate and a key can be used together.

    Raises:
        ValueError: they cannot.
    """
    try:
        # Asked for a passphrase, we have none, as gRPC has not; else OpenSSL asks the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        message = (
            f"{prefix}_CERTIFICATE_FILE, {certificate}, and {prefix}_PRIVATE_KEY_FILE, {key}, are "
            "no PEM certificate and its own private key without a passphrase: "
            f"{_without_source(error)}"
        )
        raise ValueError(message) from error


def load_authorities(context: ssl.SSLContext, variable: str, file: Path) -> None:
    """See that the certificates of a file can vouch for others.

    Raises:
        ValueError: it holds none.
    """
    try:
        context.load_verify_locations(file)
    except OSError as error:
        message = f"{variable}: {file} holds no PEM certificate: {_without_source(error)}"
        raise ValueError(message) from error


def _without_source(error: Exception) -> str:
    """Say what OpenSSL found, without the line of its own source."""
    return str(error).partition(" (_ssl.c")[0]
