"""The registry: every model that can be asked, typed or generic, and how its name is learned.

Three sources: typed models, each with a file; names that the settings or the model server's own
models.config give; and, where any name may be asked for, the model server, which says whether it
has such a model. What clients invent leaves nothing behind.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import Gauge

from proto.management_pb2 import ModelConfig
from serving.contract import Model
from serving.errors import UnknownModel
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.inference import Inference
from serving.gateway.inference.models_config import WrongModelsConfig, content_of, models_in
from serving.gateway.settings import ANY_MODEL
from serving.gateway.telemetry import metrics

_LOGGER = logging.getLogger("tfgate.models")
_POLL_SECONDS = 1
_LONGEST_NAME = 255  # of a folder, which is where a model's name comes from
_MAX_NAME = 100  # characters that are told
_MAX_NAMES = 20  # that are told
_MAX_LOOKS = 4  # at once, for names that are not known yet
# A name that was learned, and is served no more: time for its last counts to be scraped.
_KEPT_SECONDS = 600

Models = Mapping[str, Model[Any, Any]]


@dataclass(frozen=True)
class ServedModel:
    """A model that can be asked; `typed` is None for a generic one."""

    name: str
    typed: Model[Any, Any] | None
    inference: Inference
    in_flight: Gauge


class Registry(Mapping[str, ServedModel]):
    """The models by their names; generic ones come and go."""

    def __init__(
        self,
        typed: Models,
        names: Collection[str],
        catalog: Catalog,
        inference: Callable[[str, Model[Any, Any] | None], Inference],
        *,
        config: Path | None = None,
    ) -> None:
        """`names` may be asked besides the typed ones; ANY_MODEL stands for all there are.

        With a `config`, the models are those that it lists, and no others; it may come to list
        some later.

        Raises:
            WrongModelsConfig: it cannot be used.
        """
        self._catalog = catalog
        self._inference = inference
        self._config = config
        self._takes_any = ANY_MODEL in names and config is None
        self._kept = set(names) - {ANY_MODEL}
        self.known: dict[str, ServedModel] = {}  # what each request looks into
        self._gone_since: dict[str, float] = {}
        self._expected: set[str] = set()
        self._looks = asyncio.Semaphore(_MAX_LOOKS)
        self._seen: bytes | None = None
        # What the model server's list says of each model; of those that it lists.
        self.configs: Mapping[str, ModelConfig] = {}
        self._every_typed = set(typed)
        self.typed: Models = typed
        if config is not None:
            self._seen = content_of(config)
            self.configs = models_in(config, self._seen)
            listed = self.configs.keys()
            self.typed = {name: model for name, model in typed.items() if name in listed}
            self._kept = listed - set(self.typed)
        for name, model in self.typed.items():
            self._add(name, model)
            if name in names or config is not None:
                self._expect(name)
        for name in sorted(self._kept - set(self.typed)):
            self._add(name, None)

    def __getitem__(self, name: str) -> ServedModel:
        """Return a model that is known."""
        return self.known[name]

    def __iter__(self) -> Iterator[str]:
        """Go through the names that are known now."""
        return iter(list(self.known))

    def __len__(self) -> int:
        """Count the models that are known now."""
        return len(self.known)

    @property
    def takes_any(self) -> bool:
        """Whether any model of the model server may be asked."""
        return self._takes_any

    async def find(self, name: str) -> ServedModel:
        """Return a model, and learn its name if the model server knows it.

        Raises:
            UnknownModel: there is none.
            TfgateError: the model server cannot be asked.
        """
        found = self.known.get(name)
        if found is not None:
            return found
        if self._takes_any and name.isprintable() and len(name) <= _LONGEST_NAME:
            async with self._looks:
                versions = await self._catalog.versions(name)
            if any(not each.withdrawn for each in versions):
                _LOGGER.info("%s is served, and generic", name)
                return self.known.get(name) or self._add(name, None)
        raise self.unknown(name)

    def unknown(self, name: str) -> UnknownModel:
        """Build the error for a model that there is none of."""
        known = sorted(self)
        more = ", …" if len(known) > _MAX_NAMES else ""
        there = f"there are {', '.join(known[:_MAX_NAMES])}{more}" if known else "there is none"
        return UnknownModel(f"there is no model {name[:_MAX_NAME]!r}; {there}")

    def note(self, name: str, *, is_served: bool) -> None:
        """Forget a name that was learned once the model server has not known it for a while."""
        if is_served:
            self._expect(name)
        if is_served or name in self.typed or name in self._kept:
            self._gone_since.pop(name, None)
        elif time.monotonic() - self._gone_since.setdefault(name, time.monotonic()) > _KEPT_SECONDS:
            self._forget(name)

    def expects(self, name: str) -> bool:
        """Tell whether somebody misses the model while it cannot be asked.

        Nobody does if it is typed, and neither the settings nor the model server ever named it.
        """
        return name in self._expected

    async def follow_config(self) -> None:
        """Take over what the file comes to list, until cancelled.

        A file that lists nothing changes nothing, as TensorFlow Serving's own rule is: it looks as
        one that is being written. A typed model gets its own paths at the next start.
        """
        while self._config is not None:
            await asyncio.sleep(_POLL_SECONDS)
            content = content_of(self._config)
            if content == self._seen:
                continue
            self._seen = content
            try:
                configs = models_in(self._config, content)
            except WrongModelsConfig as error:
                _LOGGER.error("the models from before go on to count: %s", error)
                continue
            if not configs and self.known:
                message = "the models from before go on to count: %s lists none"
                _LOGGER.error(message, self._config)
                continue
            self.configs, listed = configs, configs.keys()
            for name in sorted(listed - set(self.known)):
                is_typed = name in self._every_typed
                paths = "; its own paths come with the next start" if is_typed else ""
                _LOGGER.info("%s is listed now%s", name, paths)
                self._add(name, None)
            for name in sorted(set(self.known) - listed - set(self.typed)):
                _LOGGER.info("%s is listed no more", name)
                self._forget(name)
            self._kept = listed - set(self.typed)

    def _add(self, name: str, typed: Model[Any, Any] | None) -> ServedModel:
        metrics.initialise_model(name)
        in_flight = metrics.IN_FLIGHT.labels(name)
        model = ServedModel(name, typed, self._inference(name, typed), in_flight)
        self.known[name] = model
        if typed is None:
            self._expect(name)
        return model

    def _expect(self, name: str) -> None:
        self._expected.add(name)
        metrics.MODEL_EXPECTED.labels(name).set(1)

    def _forget(self, name: str) -> None:
        del self.known[name]
        self._gone_since.pop(name, None)
        self._expected.discard(name)
        self._catalog.forget(name)
        metrics.forget(name)
