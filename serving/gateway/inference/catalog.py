"""What the model server serves at this moment: versions, states, signatures and cards."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from pydantic import ValidationError

from proto.metadata_pb2 import SignatureDefMap, TensorInfo
from proto.status_pb2 import ModelVersionStatus
from serving.card import ModelCard
from serving.contract import Signature, TensorSpec
from serving.errors import ModelServerFailure, TfgateError, UnknownVersion
from serving.gateway.inference.client import (
    PREDICT_SIGNATURE,
    ModelServerClient,
    Servable,
    code_name,
)
from serving.models import MODELS
from serving.tensors import data_type

_STATES = {number: name for name, number in ModelVersionStatus.State.items()}
_MAX_CARDS = 8  # of one model: more versions than are served at once


@dataclass(frozen=True)
class VersionState:
    """A version and how far it has come.

    `error` says why it ended, if it ended badly, and `code` with which of gRPC's codes.
    """

    version: int
    state: str
    error: str | None
    code: str | None

    @property
    def available(self) -> bool:
        """Whether the version can answer."""
        return self.state == "AVAILABLE"

    @property
    def failed(self) -> bool:
        """Whether the version ended because it could not be loaded, or no longer be served."""
        return self.error is not None


@dataclass(frozen=True)
class ModelReadiness:
    """How a model stands: its versions, and what is missing until it can be asked, if anything.

    Where the versions could not be had, `error` says why.
    """

    versions: list[VersionState]
    missing: str | None
    error: TfgateError | None = None


def missing(found: Mapping[str, ModelReadiness]) -> dict[str, str]:
    """Say of each model that is not ready what is missing; empty when all are."""
    return {model: each.missing for model, each in found.items() if each.missing}


class Catalog:
    """Asks the model server about its models; remembers what can't change while a version lives."""

    def __init__(self, client: ModelServerClient, *, timeout_seconds: float) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._cards: dict[tuple[str, int], ModelCard | None] = {}
        self._asking: dict[tuple[str, int], asyncio.Task[ModelCard | None]] = {}

    async def versions(self, model: str) -> list[VersionState]:
        """Read the states of a model's versions, newest first.

        Raises:
            TfgateError: the model server cannot be reached.
        """
        states = [
            _version_state(status)
            for status in await self._client.versions(model, timeout_seconds=self._timeout_seconds)
        ]
        # A number may come back with other content once its version has been unloaded.
        for state in states:
            if not state.available:
                self._cards.pop((model, state.version), None)
        return states

    async def card(self, model: str, version: int) -> ModelCard | None:
        """Return the card of a version, asking the version itself the first time.

        None stands for a version that was exported without one, or has been unloaded by now.

        Raises:
            TfgateError: the version cannot be asked.
            ModelServerFailure: what it answered is no model card.
        """
        key = (model, version)
        if key in self._cards:
            return self._cards[key]
        # A new version meets many requests at once: one of them asks, and all wait for its answer.
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask_for_card(model, version))
            asking.add_done_callback(partial(self._asked, key))
        return await asyncio.shield(asking)

    def _asked(self, key: tuple[str, int], asking: asyncio.Task[ModelCard | None]) -> None:
        del self._asking[key]
        # Looked at even if nobody waits any more; asyncio would complain of it otherwise.
        if not asking.cancelled():
            asking.exception()

    async def _ask_for_card(self, model: str, version: int) -> ModelCard | None:
        servable = Servable(model, version)
        try:
            text = await self._client.describe(servable, timeout_seconds=self._timeout_seconds)
        except UnknownVersion:
            # Unloaded right after it answered: the answer stands, the card can't be had.
            return None
        card = None if text is None else _parse_card(text, servable)
        self._cards[model, version] = card
        self._forget_oldest(model)
        return card

    def _forget_oldest(self, model: str) -> None:
        """Drop the card that has been there for longest; should it be wanted, it is asked anew."""
        versions = [key for key in self._cards if key[0] == model]
        if len(versions) > _MAX_CARDS:
            del self._cards[versions[0]]

    async def readiness(self) -> dict[str, ModelReadiness]:
        """Say of each model how it stands."""
        found = await asyncio.gather(*(self._readiness(model) for model in MODELS))
        return dict(zip(MODELS, found, strict=True))

    async def _readiness(self, model: str) -> ModelReadiness:
        try:
            versions = await self.versions(model)
        except TfgateError as error:
            return ModelReadiness([], error.detail, error)
        return ModelReadiness(versions, await self._missing(model, versions))

    async def _missing(self, model: str, versions: list[VersionState]) -> str | None:
        newest = next((version for version in versions if version.available), None)
        if newest is None:
            return f"no version is available: {_summary(versions)}"
        try:
            live = await self._client.signatures(
                Servable(model, newest.version), timeout_seconds=self._timeout_seconds
            )
            # The first prediction would have to ask for it.
            await self.card(model, newest.version)
        except TfgateError as error:
            return error.detail
        difference = _difference(MODELS[model].signature, live)
        return difference and f"version {newest.version}: {difference}"


def _version_state(status: ModelVersionStatus) -> VersionState:
    reason = status.status
    failed = reason.error_code != 0
    return VersionState(
        version=status.version,
        state=_STATES.get(status.state, str(status.state)),
        error=(reason.error_message or "no reason given") if failed else None,
        code=code_name(reason.error_code) if failed else None,
    )


def _summary(states: list[VersionState]) -> str:
    if not states:
        return "the model server knows of none"
    return "; ".join(
        f"version {state.version} is {state.state}" + (f" ({state.error})" if state.error else "")
        for state in states
    )


def _parse_card(text: str, servable: Servable) -> ModelCard:
    try:
        return ModelCard.model_validate_json(text)
    except ValidationError as error:
        message = f"{servable} describes itself with something that is no model card"
        raise ModelServerFailure(message) from error


def _difference(declared: Signature, live: SignatureDefMap) -> str | None:
    """Say how a live signature differs from the declared one; None when it does not."""
    if PREDICT_SIGNATURE not in live.signature_def:
        return f"there is no signature {PREDICT_SIGNATURE!r}"
    signature = live.signature_def[PREDICT_SIGNATURE]
    sides = [
        ("input", declared.inputs, signature.inputs),
        ("output", declared.outputs, signature.outputs),
    ]
    for side, specs, infos in sides:
        for name in sorted({*specs, *infos}):
            if name not in infos:
                return f"{side} {name} is missing; declared is {specs[name]}"
            if name not in specs:
                return f"{side} {name} is not declared"
            if not _matches(specs[name], infos[name]):
                return f"{side} {name} is not {specs[name]}"
    return None


def _matches(spec: TensorSpec, info: TensorInfo) -> bool:
    shape = [dim.size for dim in info.tensor_shape.dim]
    return info.dtype == data_type(spec.dtype) and shape == [-1, *spec.row_shape]
