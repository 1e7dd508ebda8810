"""The parts of a gateway besides its applications: which there are, how they start and stop.

Knows of each what it is given, and not how it does its work.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from serving.contract import Model
from serving.errors import TfgateError
from serving.gateway.background import Work, running
from serving.gateway.drift.counter import DriftCounter
from serving.gateway.feedback.feedback import open_feedback
from serving.gateway.feedback.truths import Truths
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.channel import OpenChannel, Tls
from serving.gateway.inference.client import ModelServerClient
from serving.gateway.inference.inferences import Inferences
from serving.gateway.inference.models_config import unkept
from serving.gateway.inference.monitor import ModelMonitor
from serving.gateway.inference.registry import Registry
from serving.gateway.inference.router import Router
from serving.gateway.middleware.authentication import follow
from serving.gateway.middleware.keys import KeyRing
from serving.gateway.middleware.request_log import Lines
from serving.gateway.prediction_log.digests import read_key
from serving.gateway.prediction_log.kept import ALL, WAYS
from serving.gateway.prediction_log.log import PredictionLog, target_of
from serving.gateway.releases.board import Board
from serving.gateway.releases.release import Release
from serving.gateway.releases.release_file import ReleaseFile
from serving.gateway.releases.seen_answers import SeenAnswers
from serving.gateway.settings import Settings, WrongSettings
from serving.gateway.store import is_redis
from serving.gateway.telemetry import metrics
from serving.gateway.telemetry.last_minute import LastMinute

if TYPE_CHECKING:
    from serving.gateway.middleware.shared_rates import SharedRates
    from serving.gateway.telemetry.tracing import Tracing

Models = Mapping[str, Model[Any, Any]]


class Parts:
    """What one process has of each; those that its settings do not ask for are None."""

    def __init__(self, settings: Settings, models: Models, open_channel: OpenChannel) -> None:
        """Make them; nothing is opened yet.

        Raises:
            WrongKeys: the file of API keys cannot be used.
            WrongSettings: nor can the model server's list of models, the file of releases, or the
                key of the prediction log.
        """
        status_seconds = settings.status_timeout_seconds
        known = settings.known_models(models)
        self._settings = settings
        self.client = ModelServerClient(settings.model_server, _tls(settings), open_channel)
        self.catalog = Catalog(self.client, timeout_seconds=status_seconds)
        self.router = Router(publish_without_traffic=settings.publish_without_traffic)
        self.feedback = open_feedback(settings)
        self.seen = SeenAnswers(self.router.running) if settings.releases else None
        self.drift = DriftCounter(models, self.catalog, settings.drift_histograms)
        self.last_minute = LastMinute()
        hear = self.feedback.recorder.hear if self.feedback else None
        self.log = _prediction_log(settings, models) if settings.prediction_log else None
        onlookers = [hear, self.seen, self.drift.hear, self.log.hear if self.log else None]
        self.inferences = Inferences(
            self.client, self.router, settings, [each for each in onlookers if each]
        )
        self.registry = Registry(
            models,
            {*settings.generic_models, *settings.required_models},
            self.catalog,
            self.inferences.make,
            config=settings.models_config,
        )
        self.monitor = ModelMonitor(
            self.registry, self.client, self.catalog, self.router, timeout_seconds=status_seconds
        )
        file = _release_file(settings, known)
        verdicts = self.feedback.verdicts if self.feedback else None
        self.board = Board(file, self.router, self._hindrance, verdicts) if file else None
        self.keys = KeyRing(settings.keys_file, known) if settings.keys_file else None
        is_shared = self.keys is not None and is_redis(settings.store)
        self.rates = _shared_rates(settings.store) if is_shared else None
        self.lines = Lines()
        self.tracing = _tracing() if settings.tracing else None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Open what needs it, and begin what goes on beside the requests; then end in reverse."""
        async with AsyncExitStack() as stack:
            stack.callback(metrics.flush)
            stack.callback(self.lines.flush)
            if self.tracing:
                stack.callback(self.tracing.close)
            await stack.enter_async_context(self.client)
            if self.feedback:
                stack.push_async_callback(self.feedback.close)
            if self.log:
                self.log.start()
                stack.push_async_callback(self.log.close)
            stack.push_async_callback(self.inferences.close)
            for work in self._works():
                await stack.enter_async_context(running(work))
            yield

    def _works(self) -> list[Work]:
        works: list[Work] = [
            self.monitor.keep_looking,
            self.drift.follow,
            self.last_minute.follow,
        ]
        if self._settings.models_config:
            works.append(self.registry.follow_config)
        if self.feedback:
            works += self.feedback.works
        if self.keys:
            works.append(partial(follow, self.keys))
        if self.rates:
            works.append(self.rates.keep_looking)
        if self.board:
            works.append(self.board.follow)
        if self.seen:
            works.append(self.seen.follow)
        if self.feedback and self.board:
            works.append(Truths(self.feedback.store, self.router.running).follow)
        return works

    async def _hindrance(self, model: str, release: Release) -> str | None:
        """Say what keeps a release from beginning, besides versions that are not ready."""
        try:
            await self.registry.find(model)
        except TfgateError as error:
            return error.detail
        config = self.registry.configs.get(model)
        kept = None if config is None else unkept(config, release, self.monitor.versions(model))
        if kept or release.candidate is None:
            return kept
        return await self.monitor.unfit(model, release.candidate.version, release.stable)


def _prediction_log(settings: Settings, models: Models) -> PredictionLog:
    """Make the log of predictions.

    Raises:
        WrongSettings: there is no key in the file that is to hold one, or an input is misspelt.
    """
    place, form = settings.prediction_log or "", settings.prediction_log_format
    ways = {
        name: way
        for each in settings.prediction_log_inputs
        for name, _, given in [each.rpartition("=")]
        for way in WAYS
        if way == given
    }
    known = settings.known_models(models)
    inputs = {ALL}.union(*(model.signature.inputs for model in models.values()))
    if known is not None and known <= models.keys() and (wrong := sorted(ways.keys() - inputs)):
        # What was to be left out would be kept, if all others are.
        there = ", ".join(sorted(inputs - {ALL}))
        message = f"TFGATE_PREDICTION_LOG_INPUTS: no model has the input {wrong[0]!r}; of {there}"
        raise WrongSettings(message)
    file = settings.prediction_log_key_file
    try:
        key = read_key(file) if file else None
    except (OSError, ValueError) as error:
        message = f"TFGATE_PREDICTION_LOG_KEY_FILE: {error}"
        raise WrongSettings(message) from error
    target = target_of(place, form, settings.prediction_log_bytes)
    return PredictionLog(target, settings.prediction_log_percent, ways, key)


def _release_file(settings: Settings, known: set[str] | None) -> ReleaseFile | None:
    """Read the file of releases, if there is to be one.

    Raises:
        WrongSettings: it cannot be used; there is nothing that could go on to count.
    """
    if settings.releases is None:
        return None
    file = ReleaseFile(settings.releases, models=known)
    if file.problem is not None:
        message = f"TFGATE_RELEASES: {file.problem}"
        raise WrongSettings(message)
    return file


def _shared_rates(store: str) -> "SharedRates":
    # Not at the top: its package is an extra, which only this setting needs.
    from serving.gateway.middleware.shared_rates import SharedRates  # noqa: PLC0415

    return SharedRates(store)


def _tracing() -> "Tracing":
    # Not at the top: its packages are an extra, which only this setting needs.
    from serving.gateway.telemetry.tracing import Tracing  # noqa: PLC0415

    return Tracing()


def _tls(settings: Settings) -> Tls | None:
    if settings.model_server_ca_file is None:
        return None
    return Tls(
        settings.model_server_ca_file,
        settings.model_server_certificate_file,
        settings.model_server_private_key_file,
    )
