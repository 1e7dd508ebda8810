"""The configuration in force, its labels, and the way from a ModelSpec to a version.

The order of a change's steps decides what a refused change leaves behind, so it is TF Serving's
(server_core.cc): a configuration refused after it was stored stays stored.
"""

import threading
from collections.abc import Iterable
from contextlib import AbstractContextManager

from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.config import model_server_config_pb2 as config_pb2

from serving.embedded import config_rules
from serving.embedded.lifecycle import Lifecycle
from serving.embedded.servable import Servable
from serving.embedded.source import FileSystemSource, WatchedModel
from serving.embedded.state_reports import AVAILABLE, StateReports
from serving.embedded.statuses import failed_precondition, invalid_argument, unavailable

Labels = dict[str, dict[str, int]]


class ServedModels:
    """Which models are served and how requests name them; changes one configuration at a time."""

    def __init__(
        self,
        source: FileSystemSource,
        lifecycle: Lifecycle,
        reports: StateReports,
        labels_may_come_first: bool,
    ) -> None:
        self._source = source
        self._lifecycle = lifecycle
        self._reports = reports
        self._labels_may_come_first = labels_may_come_first
        self._reloading = threading.Lock()
        self._models: list[config_pb2.ModelConfig] | None = None
        self._labels: Labels | None = None
        self._watching = False

    def reload(self, config: config_pb2.ModelServerConfig) -> None:
        """Replace the configuration and wait until every model new to it has an available version.

        Raises:
            StatusError: for a configuration that is refused, or a new model that cannot load.
        """
        kind = config.WhichOneof("config")
        if kind == "custom_model_config":
            raise invalid_argument("ModelServer does not yet support custom model config.")
        with self._reloading:
            if kind is None:
                return
            models = list(config.model_config_list.config)
            config_rules.check_list(models)
            config_rules.check_transition(self._models or [], models)
            self._models = models
            self._labels = self._checked_labels(models)
            config_rules.check_platforms(models)
            self._watch(models)
            if any(model.HasField("logging_config") for model in models):
                raise invalid_argument("No request-logger-creator provided.")

    def in_use(self, spec: ModelSpec) -> AbstractContextManager[tuple[int, Servable]]:
        """Hold the version that a request names (see `Lifecycle.in_use`).

        Raises:
            StatusError: INVALID_ARGUMENT without a name or for an unknown label, NOT_FOUND for a
                version that is not available.
        """
        if not spec.name:
            raise invalid_argument("ModelSpec has no name specified.")
        choice = spec.WhichOneof("version_choice")
        version = None
        if choice == "version":
            version = spec.version.value
        elif choice == "version_label":
            version = self._version_of_label(spec.name, spec.version_label)
        return self._lifecycle.in_use(spec.name, version)

    def _watch(self, models: Iterable[config_pb2.ModelConfig]) -> None:
        watched = [WatchedModel(m.name, m.base_path, m.model_version_policy) for m in models]
        new = {model.name for model in watched} - self._source.names
        noun = "model" if self._watching else "servable"
        self._watching = True
        since = self._reports.count
        self._source.watch(watched)
        self._reports.wait_until_available(new, noun, since)

    def _checked_labels(self, models: Iterable[config_pb2.ModelConfig]) -> Labels:
        labels: Labels = {}
        for model in models:
            for label in sorted(model.version_labels):
                version = model.version_labels[label]
                if not self._may_assign(model.name, label, version):
                    raise failed_precondition(
                        f"Request to assign label to version {version} of model {model.name}, "
                        "which is not currently available for inference"
                    )
                labels.setdefault(model.name, {})[label] = version
        return labels

    def _may_assign(self, model: str, label: str, version: int) -> bool:
        present = (self._labels or {}).get(model, {}).get(label, version)
        if self._labels_may_come_first and present == version:
            return True
        reports = self._reports.of_model(model)
        return any(r.version == version and r.state == AVAILABLE for r in reports)

    def _version_of_label(self, model: str, label: str) -> int:
        if self._labels is None:
            raise unavailable(f"Model labels does not init yet.{label}")
        version = self._labels.get(model, {}).get(label)
        if version is None:
            raise invalid_argument(f"Unrecognized servable version label: {label}")
        return version
