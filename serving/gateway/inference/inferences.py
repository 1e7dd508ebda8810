"""Makes what each model is asked through, and copies its answers where there are releases."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from serving.contract import Model
from serving.gateway.inference.client import ModelServerClient
from serving.gateway.inference.concurrency_limit import ConcurrencyLimit
from serving.gateway.inference.inference import Inference, Onlooker
from serving.gateway.inference.operating_point import OperatingPoint
from serving.gateway.inference.router import Router
from serving.gateway.inference.spare_time import SpareTime
from serving.gateway.releases.shadow import Copies
from serving.gateway.settings import Settings

# Of a generic model. Single rows never come to so many, for fewer requests are let in
# at a time; batches of 100 rows must share a call too: two to three times as many are answered so.
_GENERIC_CALL_ROWS = 1024


class Inferences:
    """Those of one gateway.

    `copies` are by model, where a file of releases may name it.
    """

    def __init__(
        self,
        client: ModelServerClient,
        router: Router,
        settings: Settings,
        onlookers: Sequence[Onlooker],
    ) -> None:
        self.copies: dict[str, Copies] = {}
        self._client = client
        self._router = router
        self._settings = settings
        self._onlookers = onlookers
        self._spare_time = SpareTime()

    def make(self, name: str, model: Model[Any, Any] | None) -> Inference:
        """Make the inference of a model; None is a generic one."""
        settings = self._settings
        max_rows = _GENERIC_CALL_ROWS if model is None else model.max_call_rows
        onlookers = list(self._onlookers)
        inference = Inference(
            None if model is None else model.signature,
            self._client,
            self._router,
            ConcurrencyLimit(name, max_limit=settings.max_requests_per_model),
            OperatingPoint(name, max_calls=settings.max_calls_in_flight, first_rows=max_rows),
            onlookers,
        )
        if settings.releases is not None:
            self.copies[name] = Copies(
                name,
                partial(self._router.running.get, name),
                partial(inference.ask_beside, timeout_seconds=settings.predict_timeout_seconds),
                partial(self._spare_time.is_lacking, inference.limit),
                max_rows=max_rows,
                keep_inputs=settings.keep_disagreeing_inputs,
            )
            onlookers.append(self.copies[name])
        return inference

    async def close(self) -> None:
        """End the copies that are out."""
        await asyncio.gather(*(each.close() for each in self.copies.values()))
