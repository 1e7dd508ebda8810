"""The way of answers into the bins, in blocks, beside the requests: none of them waits for it."""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from serving.card import Histogram
from serving.contract import Model, Tensors
from serving.gateway.drift.counted import CountedVersion, Sorted
from serving.gateway.inference.answered import Answered
from serving.gateway.inference.catalog import Catalog
from serving.gateway.inference.inference import Onlooker
from serving.gateway.telemetry import drift_metrics
from serving.histograms import is_whole
from serving.quantities import generic

_LOGGER = logging.getLogger("tfgate.drift")
_BLOCK_SECONDS = 0.5
# Of requests in a block: what more come are not looked at; a share tells as much as all.
MOST_REQUESTS = 500
_MOST_BYTES = 8_000_000  # of which numbers of eight bytes may be made
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
        self._models = models
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
        self._forget()
        shown = list(self._taken())
        shown.sort(key=_key)
        for (model, version), group in groupby(shown, key=_key):
            requests = self._whole(model, group)
            if not requests:
                continue
            counted = await self._version(model, version)
            typed = self._models.get(model)
            measure = (typed and typed.measure) or generic
            for rows in await asyncio.to_thread(_sorted, measure, counted, requests):
                counted.count(rows)

    def _whole(self, model: str, group: Iterable[Answered]) -> list[Answered]:
        """Give the requests of a typed model that have been answered with all that is measured."""
        typed = self._models.get(model)
        if typed is None:
            return list(group)
        signature = typed.signature
        wanted = signature.outputs.keys() - signature.optional_outputs
        return [each for each in group if wanted <= each.outputs.keys()]

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

    def _forget(self) -> None:
        """Let go of versions that are served no more, once their rows are older than a day."""
        for key, counted in list(self.versions.items()):
            if not self._catalog.is_known(*key) and not counted.has_rows:
                del self.versions[key]
                drift_metrics.forget(*key)

    async def _version(self, model: str, version: int) -> CountedVersion:
        """Go on with a version, or begin where it is new or tells otherwise of its training.

        A card that cannot be had for now takes nothing from what is known.
        """
        card = await self._catalog.card(model, version)
        counted = self.versions.get((model, version))
        if counted is not None and (card is None or card == counted.card):
            return counted
        told = card.histograms if card and card.histograms else self._from_file(model)
        histograms = told or []
        whole = [each for each in histograms if is_whole(each)]
        if len(whole) < len(histograms):
            left_out = ", ".join(each.quantity for each in histograms if each not in whole)
            _LOGGER.error("%s %s: not the shares of bins: %s", model, version, left_out)
        if counted is not None:
            drift_metrics.forget(model, version)
        is_learned = not whole and told != []  # an empty list of quantities is a list
        counted = CountedVersion(model, version, whole, card, is_learned=is_learned)
        self.versions[model, version] = counted
        return counted

    def _from_file(self, model: str) -> list[Histogram] | None:
        """Read what the operators say of a model's training, if they do."""
        if self._folder is None:
            return None
        path = self._folder / f"{model}.json"
        try:
            return _HISTOGRAMS.validate_python(json.loads(path.read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, ValidationError) as error:
            _LOGGER.error("%s cannot be used, so bins are learned: %s", path, error)
            return None


def _sorted(measure: Measure, counted: CountedVersion, group: list[Answered]) -> list[Sorted]:
    """Find the bins of one version's rows together, as far as their tensors can be joined."""
    found = []
    for same in _alike(group):
        try:
            found.append(counted.sort(measure(*_joined(same))))
        # A model's file is anybody's: what is wrong with it costs the figures that come of it.
        except Exception:
            _LOGGER.exception("what was measured of %s cannot be read", counted.model)
            drift_metrics.SKIPPED.labels(drift_metrics.SKIPPED_UNREADABLE).inc(len(same))
    return found


def _alike(group: list[Answered]) -> Iterable[list[Answered]]:
    """Put together what can be joined: of the same names, and rows of the same shapes."""
    found: dict[tuple[Any, ...], list[Answered]] = defaultdict(list)
    for each in group:
        found[_shapes(each.inputs), _shapes(each.outputs)].append(each)
    return found.values()


def _joined(group: list[Answered]) -> tuple[Tensors, Tensors]:
    return _stacked([each.inputs for each in group]), _stacked([each.outputs for each in group])


def _stacked(parts: list[Tensors]) -> Tensors:
    """Join the rows; what has none, such as a lone number for all of them, says nothing."""
    return {
        name: np.concatenate([part[name] for part in parts])
        for name, array in parts[0].items()
        if array.ndim
    }


def _shapes(tensors: Tensors) -> tuple[Any, ...]:
    return tuple(
        [
            (name, array.ndim, array.shape[1:], array.dtype.hasobject)
            for name, array in tensors.items()
        ]
    )


def _key(answered: Answered) -> tuple[str, int]:
    return answered.question.ref.name, answered.version


def _num_bytes(tensors: Tensors) -> int:
    return sum(
        sum(map(len, array.flat)) if array.dtype.hasobject else array.nbytes
        for array in tensors.values()
    )
