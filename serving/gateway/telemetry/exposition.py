"""Which metrics are shown: this process's, or the sums over several workers."""

import os

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector


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
