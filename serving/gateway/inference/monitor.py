"""Looks at the models every few seconds: metrics and log tell of them though nobody asks."""

import asyncio
import logging
from collections import Counter

from serving.gateway.inference.catalog import Catalog, ModelReadiness, VersionState, missing
from serving.gateway.inference.client import FAILURE_CODES
from serving.gateway.telemetry import metrics
from serving.models import MODELS

_LOGGER = logging.getLogger("tfgate.models")
_PAUSE_SECONDS = 5  # shorter than Prometheus usually takes between two looks of its own


class Watch:
    """Keeps the metrics of readiness and versions true, and logs each change once."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._missing: dict[str, str] = {}
        self._causes: dict[str, str] = {}
        self._versions: dict[str, dict[int, VersionState]] = {name: {} for name in MODELS}

    async def keep_looking(self) -> None:
        """Look, pause, and look again, until cancelled."""
        while True:
            found = await self._catalog.readiness()
            self._look_at_readiness(missing(found))
            for model, each in found.items():
                self._look_at_versions(model, each)
            await asyncio.sleep(_PAUSE_SECONDS)

    def _look_at_readiness(self, reasons: dict[str, str]) -> None:
        for model in MODELS:
            metrics.MODEL_READY.labels(model).set(model not in reasons)
        for model in reasons.keys() - self._missing.keys():
            _LOGGER.warning("%s cannot be asked: %s", model, reasons[model])
        for model in self._missing.keys() - reasons.keys():
            _LOGGER.info("%s can be asked again", model)
        self._missing = reasons

    def _look_at_versions(self, model: str, found: ModelReadiness) -> None:
        if found.error is not None:
            # What is missing has been told of, but not what gRPC says.
            cause = str(found.error.__cause__)
            if self._causes.get(model) != cause:
                _LOGGER.warning("states of %s: %s", model, cause)
            self._causes[model] = cause
            return
        self._causes.pop(model, None)
        _count(model, found.versions)
        before = self._versions[model]
        self._versions[model] = {state.version: state for state in found.versions}
        for state in found.versions:
            if before.get(state.version) != state:
                _tell(model, state)


def _count(model: str, states: list[VersionState]) -> None:
    now = Counter("failed" if state.failed else state.state.lower() for state in states)
    for name in metrics.VERSION_STATES:
        metrics.MODEL_VERSIONS.labels(model, name).set(now[name])
    failed = Counter(state.code for state in states if state.failed)
    for code in FAILURE_CODES:
        metrics.FAILED_VERSIONS.labels(model, code).set(failed[code])


def _tell(model: str, state: VersionState) -> None:
    if state.error is None:
        _LOGGER.info("version %d of %s is %s", state.version, model, state.state)
    else:
        message = "version %d of %s failed with %s: %s"
        _LOGGER.error(message, state.version, model, state.code, state.error)
