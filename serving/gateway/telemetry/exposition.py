"""Which metrics are shown: this process's, or the sums over several workers.

Of the sums, those files are left out that cannot be read, and those versions and models that have
long gone: what workers count in files stays there as long as they run.
"""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from serving.gateway.telemetry import metrics

_DROPPED = next(iter(metrics.VERSION_DROPPED.describe())).name
_LOGGER = logging.getLogger("tfgate.metrics")


def registry(folder: Path | None = None) -> CollectorRegistry:
    """Return this process's metrics, or the sums over the workers that count in a folder.

    Workers know their folder by the variable by which prometheus_client itself decides where it
    counts.
    """
    if folder is None:
        variable = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
        if variable is None:
            return REGISTRY
        folder = Path(variable)
    summed = CollectorRegistry()
    summed.register(_Sums(folder))
    return summed


class _Sums(Collector):
    """Sums what workers count; their own collector would fail with the first file that is torn."""

    _told: set[Path] = set()  # noqa: RUF012  # files; of each, once in the life of this process

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterable[Metric]:
        metrics.flush()
        # A pipe of that name would be waited for.
        found = filter(Path.is_file, sorted(self._folder.glob("*.db")))
        files = [file for file in found if self._is_whole(file)]
        return _without_dropped(list(_merged(files)))

    def _is_whole(self, file: Path) -> bool:
        try:
            _merged([file])
        except Exception as error:  # noqa: BLE001  # whatever torn bytes make of the reader
            # One that is not there any more was a dead worker's.
            if file.exists() and file not in self._told:
                self._told.add(file)
                _LOGGER.error("the metrics in %s cannot be read, and are left out: %r", file, error)
            return False
        return True


def _merged(files: list[Path]) -> Iterable[Metric]:
    names = [str(file) for file in files]
    merged: Iterable[Metric] = MultiProcessCollector.merge(names)  # type: ignore[no-untyped-call]
    return merged


def _without_dropped(families: list[Metric]) -> Iterable[Metric]:
    """Leave out what workers have dropped, and the metric by which they said so.

    A model that is forgotten has dropped NO_VERSION, too, which stands for all without a version.
    """
    dropped = {
        (sample.labels["model"], sample.labels["version"])
        for family in families
        if family.name == _DROPPED
        for sample in family.samples
        if sample.value
    }
    for family in families:
        if family.name == _DROPPED:
            continue
        family.samples = [
            sample
            for sample in family.samples
            if (sample.labels.get("model"), sample.labels.get("version", metrics.NO_VERSION))
            not in dropped
        ]
        yield family
