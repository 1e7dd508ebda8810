"""The port that is the metrics' alone, for which no key is needed."""

from pathlib import Path

from prometheus_client import start_http_server

from serving.gateway.server.listener import cannot_listen
from serving.gateway.telemetry.exposition import registry


def expose(host: str, port: int, folder: Path | None = None) -> None:
    """Serve the metrics from a thread of this process, as long as it lives.

    Raises:
        CannotListen: another program listens there, or the host is not this machine's.
    """
    try:
        start_http_server(port, host, registry(folder))
    except OSError as error:
        raise cannot_listen(host, port, error, "TFGATE_METRICS_PORT") from error
