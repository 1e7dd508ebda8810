"""Rereading --model_config_file while serving; what it means is decided by `ServedModels`."""

import logging
import threading

from serving.embedded.config_rules import read_config_file
from serving.embedded.served_models import ServedModels
from serving.embedded.statuses import StatusError

_log = logging.getLogger(__name__)


class ConfigFileWatch:
    """Applies the file every `poll_seconds`, changed or not, as TF Serving does; 0: never."""

    def __init__(self, path: str, poll_seconds: int, served: ServedModels) -> None:
        self._path = path
        self._poll_seconds = poll_seconds
        self._served = served
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="config file watch", daemon=True)

    def start(self) -> None:
        if self._path and self._poll_seconds > 0:
            self._thread.start()

    def stop(self) -> None:
        """Reread no more; a change that is being applied is left to end by itself."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.wait(self._poll_seconds):
            try:
                self._served.reload(read_config_file(self._path))
            except StatusError as error:
                _log.warning("%s is not in force: %s", self._path, error)
