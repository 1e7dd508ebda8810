"""Where the metrics are shown: among the other routes, or on a port that is theirs alone."""

import os

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from serving.gateway.server.listener import CannotListen


def registry(folder: str | None = None) -> CollectorRegistry:
    """Return this process's metrics, or the sums over the workers that count in a folder.

    Workers know their folder by the variable by which prometheus_client itself decides where it
    counts.
    """
    folder = folder or os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return REGISTRY
    summed = CollectorRegistry()
    MultiProcessCollector(summed, folder)  # type: ignore[no-untyped-call]  # it has no types
    return summed


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
