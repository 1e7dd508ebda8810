"""The port that is the metrics' alone, for which no key is needed."""

from prometheus_client import start_http_server

from serving.gateway.server.listener import CannotListen
from serving.gateway.telemetry.exposition import registry


def expose(host: str, port: int, folder: str | None = None) -> None:
    """Serve the metrics from a thread of this process, as long as it lives.

    Raises:
        CannotListen: another program listens there, or the address is not this machine's.
    """
    try:
        start_http_server(port, host, registry(folder))
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror}. Choose another metrics_port."
        raise CannotListen(message) from error
