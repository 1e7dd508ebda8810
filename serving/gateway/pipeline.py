"""The path of a prediction: preprocess, one call of the model server, postprocess."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel

from serving.contract import Model, Row, Signature, Tensors, stack, unstack
from serving.errors import InvalidInput, ModelServerFailure
from serving.gateway.catalog import Catalog
from serving.gateway.client import ModelServerClient, Servable
from serving.gateway.record import Record
from serving.models import MODELS


@dataclass(frozen=True)
class Predictions:
    """The answers to one request, in the order of its instances, all from one version."""

    version: int
    responses: list[BaseModel]


class Pipeline:
    """Turns validated requests into responses."""

    def __init__(
        self, client: ModelServerClient, catalog: Catalog, *, timeout_seconds: float
    ) -> None:
        self._client = client
        self._catalog = catalog
        self._timeout_seconds = timeout_seconds

    async def predict(
        self, servable: Servable, requests: Sequence[BaseModel], record: Record, *, path: str = ""
    ) -> Predictions:
        """Answer each request; stages are timed in `record`.

        `path` is the field of the body that lists the requests, empty if the body is the request.

        Raises:
            InvalidInput: a request passed its schema but can't be used; `fields` says where.
            TfgateError: the model server could not answer.
        """
        model = MODELS[servable.model]
        record.instances = len(requests)
        with record.stage("preprocess"):
            rows = await _preprocess(model, requests, path)
        with record.stage("rpc"):
            answer = await self._client.predict(
                servable, stack(rows, model.signature), timeout_seconds=self._timeout_seconds
            )
            card = await self._catalog.card(servable.model, answer.version)
            record.version = answer.version
        with record.stage("postprocess"):
            _check(answer.outputs, model.signature, len(rows))
            outputs = unstack(answer.outputs, len(rows))
            responses = [
                model.postprocess(row, request, card)
                for row, request in zip(outputs, requests, strict=True)
            ]
        return Predictions(answer.version, responses)


async def _preprocess(
    model: Model[Any, Any], requests: Sequence[BaseModel], path: str
) -> list[Row]:
    # A large picture, or a hundred long texts, take longer than the event loop may be held up.
    if model.upload is not None or len(requests) > 1:
        return await asyncio.to_thread(_preprocess_each, model, requests, path)
    return _preprocess_each(model, requests, path)


def _preprocess_each(model: Model[Any, Any], requests: Sequence[BaseModel], path: str) -> list[Row]:
    rows = []
    for index, request in enumerate(requests):
        try:
            rows.append(model.preprocess(request))
        except InvalidInput as error:
            if path:
                raise error.below(f"{path}.{index}") from error
            raise
    return rows


def _check(outputs: Tensors, signature: Signature, num_rows: int) -> None:
    """Refuse an answer that the signature does not promise.

    Raises:
        ModelServerFailure: an output is missing, has another dtype or shape, or is not finite.
    """
    for name, spec in signature.outputs.items():
        array = outputs.get(name)
        if array is None:
            message = f"the model server left out the output {name}"
            raise ModelServerFailure(message)
        if array.shape != (num_rows, *spec.row_shape) or array.dtype != spec.numpy_dtype:
            message = f"the model server answered {name} as {array.dtype}{list(array.shape)}"
            raise ModelServerFailure(f"{message}; the signature promises {spec}")
        if spec.dtype == "float32" and not np.isfinite(array).all():
            message = f"the model server answered {name} with values that are no finite numbers"
            raise ModelServerFailure(message)
