"""Looks at the models every few seconds: metrics and log tell of them though nobody asks."""

import asyncio
import logging
from collections import Counter

from serving.errors import TfgateError
from serving.gateway import metrics
from serving.gateway.catalog import Catalog, VersionState
from serving.gateway.client import FAILURE_CODES
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
            await self._look_at_readiness()
            for model in MODELS:
                await self._look_at_versions(model)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _look_at_readiness(self) -> None:
        missing = await self._catalog.missing()
        for model in MODELS:
            metrics.MODEL_READY.labels(model).set(model not in missing)
        for model in missing.keys() - self._missing.keys():
            _LOGGER.warning("%s cannot be asked: %s", model, missing[model])
        for model in self._missing.keys() - missing.keys():
            _LOGGER.info("%s can be asked again", model)
        self._missing = missing

    async def _look_at_versions(self, model: str) -> None:
        try:
            states = await self._catalog.versions(model)
        except TfgateError as error:
            # Readiness, looked at just before, has told of it, but not what gRPC says.
            cause = str(error.__cause__)
            if self._causes.get(model) != cause:
                _LOGGER.warning("states of %s: %s", model, cause)
            self._causes[model] = cause
            return
        self._causes.pop(model, None)
        _count(model, states)
        before, self._versions[model] = self._versions[model], {s.version: s for s in states}
        for state in states:
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
