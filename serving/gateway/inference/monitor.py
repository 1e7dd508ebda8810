"""Looks at the models every second: which of their versions can be asked, and what has changed."""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from serving.contract import Model
from serving.errors import PredictionFailed, TfgateError
from serving.gateway.inference.catalog import Catalog, VersionState
from serving.gateway.inference.client import FAILURE_CODES, ModelServerClient
from serving.gateway.inference.inference import check_outputs
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.inference.router import Router
from serving.gateway.telemetry import metrics

_LOGGER = logging.getLogger("tfgate.models")
_PAUSE_SECONDS = 1  # as long as a new version waits for its traffic at most
# What the model server can tell the question of a version's proof by.
_PROBE = {"tfgate-probe": "1"}


@dataclass(frozen=True)
class ModelState:
    """How a model stands: its versions, newest first, and what is missing, if it cannot be asked.

    `unready` says of each version that is AVAILABLE, but has not proved itself, why not. Where the
    versions could not be had, `error` says why.
    """

    versions: list[VersionState]
    unready: Mapping[int, str]
    missing: str | None
    error: TfgateError | None = None


class ModelMonitor:
    """Asks each new version one real question before the router sends it anything by default.

    That a version is AVAILABLE, and has the right signature, proves nothing: it may have been
    loaded before all of its files had arrived. One that fails is asked again at every look.
    """

    def __init__(
        self,
        models: Mapping[str, Model[Any, Any]],
        client: ModelServerClient,
        catalog: Catalog,
        router: Router,
        *,
        timeout_seconds: float,
    ) -> None:
        """`timeout_seconds` are for one question."""
        self._models = models
        self._client = client
        self._catalog = catalog
        self._router = router
        self._timeout_seconds = timeout_seconds
        self._proved: dict[str, set[int]] = {name: set() for name in models}
        self._last: dict[str, ModelState] = {name: ModelState([], {}, None) for name in models}

    async def keep_looking(self) -> None:
        """Look, pause, and look again, until cancelled."""
        while True:
            for name, found in (await self.look()).items():
                last = self._last[name]
                _measure(name, found)
                _tell_changes(name, last, found)
                # What could not be looked at has not changed.
                known = last if found.error else found
                self._last[name] = replace(found, versions=known.versions, unready=known.unready)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def look(self) -> dict[str, ModelState]:
        """Say of each model how it stands, and let the router know."""
        found = await asyncio.gather(*map(self.look_at, self._models))
        return dict(zip(self._models, found, strict=True))

    async def look_at(self, name: str) -> ModelState:
        """Say of one model how it stands, and let the router know."""
        try:
            versions = await self._catalog.versions(name)
        except TfgateError as error:
            return ModelState([], {}, error.detail, error)
        available = [each.version for each in versions if each.available]
        # A number may come back with other content once its version has been unloaded.
        proved = self._proved[name] = self._proved[name].intersection(available)
        unproved = [version for version in available if version not in proved]
        reasons = await asyncio.gather(*(self._reason(name, version) for version in unproved))
        unready = {version: why for version, why in zip(unproved, reasons, strict=True) if why}
        proved.update(version for version in unproved if version not in unready)
        self._router.prefer(name, max(proved, default=None))
        return ModelState(versions, unready, None if proved else _missing(versions, unready))

    async def _reason(self, name: str, version: int) -> str | None:
        """Ask a version its question; say why it may not answer others, or None if it may."""
        model = self._models[name]
        try:
            difference = await self._catalog.difference(name, version, model.signature)
            if difference is None:
                # The first prediction would have to wait for it.
                card = await self._catalog.card(name, version) if model.reads_card else None
                inputs = model.preprocess([model.example])
                answer = await self._client.predict(
                    ModelRef(name, version),
                    inputs,
                    timeout_seconds=self._timeout_seconds,
                    headers=_PROBE,
                )
                outputs = check_outputs(answer.outputs, model.signature, 1)
                _check_answer(model, model.postprocess(inputs, outputs, card))
        except TfgateError as error:
            return error.detail
        return difference


def _check_answer(model: Model[Any, Any], answers: list[Any]) -> None:
    """See that an answer is what callers are promised, which is not looked at again for each."""
    try:
        TypeAdapter(list[model.response]).validate_python(answers)  # type: ignore[name-defined]  # known at run time
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"][1:]))
        message = f"the example is answered with {where}: {first['msg']}"
        raise PredictionFailed(message) from error


def _missing(versions: list[VersionState], unready: Mapping[int, str]) -> str:
    if unready:
        return "; ".join(f"version {version}: {reason}" for version, reason in unready.items())
    if not versions:
        return "no version is available: the model server knows of none"
    states = (
        f"version {each.version} is {each.state}" + (f" ({each.error})" if each.error else "")
        for each in versions
    )
    return f"no version is available: {'; '.join(states)}"


def _measure(name: str, found: ModelState) -> None:
    metrics.MODEL_READY.labels(name).set(found.missing is None)
    if found.error is not None:
        return
    metrics.UNREADY_VERSIONS.labels(name).set(len(found.unready))
    states = Counter("failed" if each.failed else each.state.lower() for each in found.versions)
    for state in metrics.VERSION_STATES:
        metrics.MODEL_VERSIONS.labels(name, state).set(states[state])
    failed = Counter(each.code for each in found.versions if each.failed)
    for code in FAILURE_CODES:
        metrics.FAILED_VERSIONS.labels(name, code).set(failed[code])


def _tell_changes(name: str, last: ModelState, found: ModelState) -> None:
    """Log each change once."""
    if found.missing and not last.missing:
        _LOGGER.warning("%s cannot be asked: %s", name, found.missing)
    if last.missing and not found.missing:
        _LOGGER.info("%s can be asked again", name)
    if found.error is not None:
        # What is missing has been told of, but not what gRPC says.
        cause = str(found.error.__cause__)
        if last.error is None or str(last.error.__cause__) != cause:
            _LOGGER.warning("states of %s: %s", name, cause)
        return
    before = {each.version: each for each in last.versions}
    for state in found.versions:
        if before.get(state.version) != state:
            _tell(name, state)
    for version, reason in found.unready.items():
        if last.unready.get(version) != reason:
            message = "version %d of %s gets no traffic by default: %s"
            _LOGGER.error(message, version, name, reason)


def _tell(name: str, state: VersionState) -> None:
    if state.error is None:
        _LOGGER.info("version %d of %s is %s", state.version, name, state.state)
    else:
        message = "version %d of %s failed with %s: %s"
        _LOGGER.error(message, state.version, name, state.code, state.error)
