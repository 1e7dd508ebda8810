"""The way of answers into the bins, in blocks, beside the requests: none of them waits for it."""

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from serving.card import Histogram
from serving.contract import Model, Tensors
from serving.gateway.drift.counted import CountedVersion
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.inference import Onlooker
from serving.gateway.telemetry import drift_metrics
from serving.quantities import generic

_LOGGER = logging.getLogger("tfgate.drift")
_BLOCK_SECONDS = 0.5
# Of requests in a block: what more come are not looked at; a share tells as much as all.
MOST_REQUESTS = 500
_MOST_BYTES = 32_000_000
_HISTOGRAMS = TypeAdapter(list[Histogram])

Measure = Callable[[Tensors, Tensors], Tensors]


class DriftCounter:
    """Counts what is shown to `hear`, an onlooker of predictions.

    `versions` are those that have answered, by model and number.
    """

    def __init__(
        self, models: Mapping[str, Model[Any, Any]], catalog: Catalog, folder: Path | None
    ) -> None:
        """`folder` has a file of histograms for models whose versions tell none, if given."""
        self.versions: dict[tuple[str, int], CountedVersion] = {}
        self._measures = {name: model.measure for name, model in models.items() if model.measure}
        self._catalog = catalog
        self._folder = folder
        self._shown: list[Answered] = []
        self.hear: Onlooker = self._shown.append  # nothing more on a request's way

    async def follow(self) -> None:
        """Count what gathers, until cancelled."""
        while True:
            await asyncio.sleep(_BLOCK_SECONDS)
            await self.count()

    async def count(self) -> None:
        """Count what has gathered."""
        shown = list(self._taken())
        shown.sort(key=_key)
        for (model, version), group in groupby(shown, key=_key):
            counted = self.versions.get((model, version))
            if counted is None:
                counted = await self._new_version(model, version)
            measure = self._measures.get(model, generic)
            columns = await asyncio.to_thread(_measured, measure, list(group))
            for each in columns:
                counted.count(each)

    def _taken(self) -> Iterable[Answered]:
        """Take what was shown, as far as there is room."""
        num_bytes, num_taken = 0, 0
        for answered in self._shown[:MOST_REQUESTS]:
            num_bytes += _num_bytes(answered.inputs) + _num_bytes(answered.outputs)
            if num_bytes > _MOST_BYTES and num_taken:
                break
            num_taken += 1
            yield answered
        skipped = len(self._shown) - num_taken
        drift_metrics.SKIPPED.labels(drift_metrics.SKIPPED_BY_CROWD).inc(skipped)
        self._shown.clear()

    async def _new_version(self, model: str, version: int) -> CountedVersion:
        for key in [key for key in self.versions if key[0] == model]:
            if not self._catalog.is_known(*key):
                del self.versions[key]
                drift_metrics.forget(*key)
        card = await self._catalog.card(model, version)
        histograms = list(card.histograms) if card else []
        counted = CountedVersion(model, version, histograms or self._from_file(model))
        self.versions[model, version] = counted
        return counted

    def _from_file(self, model: str) -> list[Histogram]:
        """Read what the operators say of a model's training, if they do."""
        if self._folder is None:
            return []
        path = self._folder / f"{model}.json"
        try:
            return _HISTOGRAMS.validate_python(json.loads(path.read_text()))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, ValidationError) as error:
            _LOGGER.error("%s cannot be used, so bins are learned: %s", path, error)
            return []


def _measured(measure: Measure, group: list[Answered]) -> list[Tensors]:
    """Measure the rows of one version together, as far as their tensors can be joined."""
    columns = []
    for joined in _joined(group):
        try:
            columns.append(measure(*joined))
        # A model's file is anybody's: what is wrong with it costs the figures that come of it.
        except Exception:
            _LOGGER.exception("what was measured of %s cannot be read", group[0].question.ref.name)
            drift_metrics.SKIPPED.labels(drift_metrics.SKIPPED_UNREADABLE).inc(len(group))
    return columns


def _joined(group: list[Answered]) -> Iterable[tuple[Tensors, Tensors]]:
    group.sort(key=_shapes)
    for _, same in groupby(group, key=_shapes):
        members = list(same)
        yield (
            _stacked([each.inputs for each in members]),
            _stacked([each.outputs for each in members]),
        )


def _stacked(parts: list[Tensors]) -> Tensors:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _shapes(answered: Answered) -> str:
    """Tell apart what cannot be joined: other names, or rows of other shapes."""
    sides = answered.inputs, answered.outputs
    return str([[(name, array.shape[1:]) for name, array in side.items()] for side in sides])


def _key(answered: Answered) -> tuple[str, int]:
    return answered.question.ref.name, answered.version


def _num_bytes(tensors: Tensors) -> int:
    return sum(
        sum(map(len, array.flat)) if array.dtype == object else array.nbytes
        for array in tensors.values()
    )
