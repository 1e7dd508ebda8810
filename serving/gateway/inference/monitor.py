"""Looks at the models every second: which of their versions can be asked, and what has changed."""

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from serving.errors import TfgateError
from serving.gateway.inference.catalog import Catalog, VersionState
from serving.gateway.inference.client import FAILURE_CODES, ModelServerClient
from serving.gateway.inference.first_question import FirstQuestion, told
from serving.gateway.inference.live import unfit
from serving.gateway.inference.model_ref import ModelRef
from serving.gateway.inference.registry import Registry
from serving.gateway.inference.router import Router
from serving.gateway.telemetry import metrics

_LOGGER = logging.getLogger("tfgate.models")
_PAUSE_SECONDS = 1  # as long as a new version waits for its traffic at most
_LONGEST_PAUSE_SECONDS = 30  # between two questions to a version that fails
_QUESTIONS_AT_ONCE = 2


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
    loaded before all of its files had arrived. One that fails is asked again, after a pause that
    grows: a graph that hangs must not take the model server's threads from the others.
    """

    def __init__(
        self,
        registry: Registry,
        client: ModelServerClient,
        catalog: Catalog,
        router: Router,
        *,
        timeout_seconds: float,
    ) -> None:
        """`timeout_seconds` are for one question."""
        self._registry = registry
        self._first_question = FirstQuestion(
            registry, client, catalog, timeout_seconds=timeout_seconds
        )
        self._catalog = catalog
        self._router = router
        self._timeout_seconds = timeout_seconds
        self._turns = asyncio.Semaphore(_QUESTIONS_AT_ONCE)
        self._questions: dict[str, dict[int, _Question]] = defaultdict(dict)
        self._looks: dict[str, asyncio.Task[ModelState]] = {}
        self._last: dict[str, ModelState] = defaultdict(lambda: ModelState([], {}, None))

    async def keep_looking(self) -> None:
        """Look, pause, and look again, until cancelled."""
        while True:
            for name, found in (await self.look()).items():
                if found.error is None:
                    is_served = any(not each.withdrawn for each in found.versions)
                    self._registry.note(name, is_served=is_served)
                if name not in self._registry:
                    self._forget(name)
                    continue
                last = self._last[name]
                running = self._router.running.get(name)
                _measure(name, found, running.release.versions if running else set())
                _tell_changes(name, last, found, is_expected=self._registry.expects(name))
                # What could not be looked at has not changed.
                known = last if found.error else found
                self._last[name] = replace(found, versions=known.versions, unready=known.unready)
            await asyncio.sleep(_PAUSE_SECONDS)

    def versions(self, name: str) -> list[int]:
        """Return the versions of a model that there were at the last look, failed ones as well."""
        return [each.version for each in self._last[name].versions if not each.withdrawn]

    async def unfit(self, name: str, candidate: int, stable: int) -> str | None:
        """Say why a candidate cannot answer what is asked of the stable version; None if it can."""
        try:
            tried = await self._catalog.live(ModelRef(name, candidate))
        except TfgateError:
            return f"version {candidate}, the candidate, is not ready"
        try:
            return unfit(tried, await self._catalog.live(ModelRef(name, stable)))
        except TfgateError:
            return None  # that it is not there is told elsewhere

    async def look(self) -> dict[str, ModelState]:
        """Say of each model how it stands, and let the router know."""
        names = list(self._registry)
        found = await asyncio.gather(*map(self.look_at, names))
        return dict(zip(names, found, strict=True))

    async def look_at(self, name: str) -> ModelState:
        """Say of one model how it stands, and let the router know.

        All who want to know at the same time share one look.
        """
        look = self._looks.get(name)
        if look is None:
            look = self._looks[name] = asyncio.create_task(self._look_at(name))
            look.add_done_callback(lambda _: self._looks.pop(name))
        return await asyncio.shield(look)

    async def _look_at(self, name: str) -> ModelState:
        try:
            versions = await self._catalog.versions(name)
        except TfgateError as error:
            return ModelState([], {}, error.detail, error)
        available = [each.version for each in versions if each.available]
        questions = self._questions[name]
        # A number may come back with other content once its version has been unloaded.
        for gone in questions.keys() - set(available):
            del questions[gone]
        for version in available:
            self._ask(name, version, questions.setdefault(version, _Question()))
        # Who has a version that answers need not wait for what the others do; nor is anybody kept
        # waiting again by one that has failed before.
        first = [each.answer for each in questions.values() if each.answer and not each.failed]
        if first and not any(each.proved for each in questions.values()):
            await asyncio.wait(first)
        self._prefer(name)
        unready = {version: each.reason for version, each in questions.items() if not each.proved}
        ready = len(unready) < len(questions)
        missing = self._router.hindrance(name) if ready else _missing(versions, unready)
        return ModelState(versions, unready, missing)

    def _forget(self, name: str) -> None:
        self._last.pop(name, None)
        self._router.prefer(name, [])
        for question in self._questions.pop(name, {}).values():
            if question.answer is not None:
                question.answer.cancel()

    def _prefer(self, name: str) -> None:
        questions = self._questions[name].items()
        self._router.prefer(
            name,
            [version for version, each in questions if each.proved],
            [version for version, each in questions if each.answer and not each.failed],
        )

    def _ask(self, name: str, version: int, question: "_Question") -> None:
        """Begin to ask a version, unless it has answered, is being asked, or may rest."""
        if question.proved or question.answer or time.monotonic() < question.due:
            return

        def answered(answer: asyncio.Task[str | None]) -> None:
            question.answer = None
            if not answer.cancelled():
                question.take(answer.result())
                self._prefer(name)

        question.answer = asyncio.create_task(self._reason(name, version))
        question.answer.add_done_callback(answered)

    async def _reason(self, name: str, version: int) -> str | None:
        """Ask a version its question; say why it may not answer others, or None if it may."""
        try:
            # Graphs are optimised when they are asked first: all at once, none would be in time.
            async with self._turns, asyncio.timeout(self._timeout_seconds):
                return await self._first_question.ask(name, version)
        except TimeoutError:
            seconds = f"{self._timeout_seconds:g} seconds"
            return f"its first question was not answered in {seconds}; it is asked again"
        except TfgateError as error:
            return told(error)
        # Whatever a version makes our code do: it is not ready, and the others are.
        except Exception as error:
            _LOGGER.exception("version %d of %s cannot be understood", version, name)
            return f"its answer to the example cannot be understood: {error!r}"


class _Question:
    """How a version stands with its first question; `answer` is set while it is being asked."""

    def __init__(self) -> None:
        self.proved = self.failed = False
        self.reason = "it has not answered its first question yet"
        self.answer: asyncio.Task[str | None] | None = None
        self.due = 0.0  # a time of time.monotonic() before which it is not asked again
        self._pause = float(_PAUSE_SECONDS)

    def take(self, reason: str | None) -> None:
        """Take an answer: why the version is not ready, or None if it is."""
        self.proved, self.failed, self.reason = reason is None, reason is not None, reason or ""
        self.due = time.monotonic() + self._pause
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)


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


def _measure(name: str, found: ModelState, released: set[int]) -> None:
    """Set a model's gauges; what was counted of versions that are there, or `released`, stays."""
    metrics.MODEL_READY.labels(name).set(found.missing is None)
    if found.error is not None:
        return
    metrics.keep(name, released | {each.version for each in found.versions if each.available})
    metrics.UNREADY_VERSIONS.labels(name).set(len(found.unready))
    states = Counter("failed" if each.failed else each.state.lower() for each in found.versions)
    for state in metrics.VERSION_STATES:
        metrics.MODEL_VERSIONS.labels(name, state).set(states[state])
    failed = Counter(each.code for each in found.versions if each.failed)
    for code in FAILURE_CODES:
        metrics.FAILED_VERSIONS.labels(name, code).set(failed[code])


def _tell_changes(name: str, last: ModelState, found: ModelState, *, is_expected: bool) -> None:
    """Log each change once."""
    if found.missing and not last.missing:
        level = logging.WARNING if is_expected or found.error else logging.INFO
        _LOGGER.log(level, "%s cannot be asked: %s", name, found.missing)
    if last.missing and not found.missing:
        _LOGGER.info("%s can be asked", name)
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
