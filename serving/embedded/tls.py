"""What --ssl_config_file says, as gRPC's credentials; knows neither ports nor services."""

from concurrent.futures import ThreadPoolExecutor

import grpc

from proto.ssl_config_pb2 import SSLConfig
from serving.embedded.statuses import invalid_argument
from serving.embedded.text_protos import read_text_proto


def read_credentials(path: str) -> grpc.ServerCredentials:
    """Read the file of an SSLConfig; clients need a certificate only if `client_verify` is set.

    Raises:
        StatusError: NOT_FOUND without the file, INVALID_ARGUMENT when it cannot be parsed, or when
            no connection could ever be made with what it holds.
    """
    config = read_text_proto(path, SSLConfig())
    if config.client_verify and not config.custom_ca:
        raise invalid_argument(f"'{path}' sets client_verify, which needs a custom_ca.")
    credentials = grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        config.custom_ca.encode() or None,
        config.client_verify,
    )
    _check(credentials, path)
    return credentials


def _check(credentials: grpc.ServerCredentials, path: str) -> None:
    """Refuse what gRPC would refuse, but only when it listens: after the models are loaded."""
    with ThreadPoolExecutor(1) as executor:
        probe = grpc.server(executor)
        try:
            probe.add_secure_port("127.0.0.1:0", credentials)
        except RuntimeError:
            raise invalid_argument(
                f"'{path}' must hold, as PEM texts and not as paths, a server_key, the server_cert "
                "that belongs to it and, if given, the certificates of custom_ca."
            ) from None
        finally:
            probe.stop(None)
