"""What the model server serves at this moment: versions, states, signatures and cards."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from proto.status_pb2 import ModelVersionStatus
from serving.card import ModelCard
from serving.contract import Signature
from serving.errors import (
    DeadlineExceeded,
    ModelServerUnavailable,
    NotExplainable,
    Overloaded,
    TfgateError,
    UnknownVersion,
)
from serving.gateway.inference.client import ModelServerClient, code_name
from serving.gateway.inference.live import LiveVersion, live_version
from serving.gateway.inference.model_ref import EXPLAIN_SIGNATURE, PREDICT_SIGNATURE, ModelRef

_LOGGER = logging.getLogger("tfgate.models")
_STATES = {number: name for name, number in ModelVersionStatus.State.items()}
# What says nothing of the card itself.
_PASSING = (DeadlineExceeded, ModelServerUnavailable, Overloaded)
_MAX_NAMES = 20  # of models that are told


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

    @property
    def withdrawn(self) -> bool:
        """Whether the version was taken away; TensorFlow Serving tells of it until its own end."""
        return self.state == "END" and not self.failed


class Catalog:
    """Asks the model server about its models; remembers what can't change while a version lives.

    `cards` are those known so far, by model and version. None stands for a version that was
    exported without a card, or has one that cannot be read: whoever needs it does without.
    `apart` says, of each version that has answered its first question, which of its signatures have
    requests that may not share a call, and why; a version that is missing there has not proved yet
    that they may.
    """

    def __init__(self, client: ModelServerClient, *, timeout_seconds: float) -> None:
        self.cards: dict[tuple[str, int], ModelCard | None] = {}
        self.apart: dict[tuple[str, int], Mapping[str, str]] = {}
        self._live: dict[tuple[str, int], LiveVersion] = {}
        self._reading: dict[ModelRef, asyncio.Task[LiveVersion]] = {}
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._unsure: set[tuple[str, int]] = set()
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
        # So no more cards are kept than there are versions.
        known = {(model, state.version) for state in states if state.available}
        self._keep(model, known)
        for key in self._unsure & known:
            self._begin_asking(key)
        self._unsure = {key for key in self._unsure if key[0] != model}
        return states

    def is_known(self, model: str, version: int) -> bool:
        """Tell whether a version was there at the last look, and was read."""
        return (model, version) in self._live or (model, version) in self.cards

    def forget(self, model: str) -> None:
        """Keep nothing of a model that is served no more."""
        self._keep(model, ())

    def _keep(self, model: str, known: Collection[tuple[str, int]]) -> None:
        """Forget what was read of a model's versions that are not among those known."""
        for kept in (self.cards, self.apart, self._live):
            for key in [each for each in kept if each[0] == model and each not in known]:
                del kept[key]

    async def card(self, model: str, version: int) -> ModelCard | None:
        """Return the card of a version, asking the version itself the first time.

        One that could not be had for a passing reason is asked for again beside the next look at
        the versions; until it is there, nobody waits for it.
        """
        key = (model, version)
        if key in self.cards:
            return self.cards[key]
        return await asyncio.shield(self._begin_asking(key))

    def _begin_asking(self, key: tuple[str, int]) -> asyncio.Task[ModelCard | None]:
        """A new version meets many requests at once: one of them asks, all wait for its answer."""
        asking = self._asking.get(key)
        if asking is None:
            asking = self._asking[key] = asyncio.create_task(self._ask_for_card(*key))
            asking.add_done_callback(lambda _: self._asking.pop(key))
        return asking

    async def _ask_for_card(self, model: str, version: int) -> ModelCard | None:
        ref = ModelRef(model, version)
        try:
            text = await self._client.describe(ref, timeout_seconds=self._timeout_seconds)
            card = None if text is None else ModelCard.model_validate_json(text)
        except UnknownVersion:
            # Unloaded right after it answered: the answer stands, the card can't be had.
            return None
        except (TfgateError, ValidationError) as error:
            _LOGGER.warning("%s answers without its card, which cannot be had: %s", ref, error)
            card = None
            if isinstance(error, _PASSING):
                self._unsure.add((model, version))
        self.cards[model, version] = card
        return card

    async def difference(self, model: str, version: int, declared: Signature) -> str | None:
        """Say how a version's signature differs from the declared one; None when it does not.

        Raises:
            TfgateError: the version cannot be asked.
        """
        return _difference(declared, await self.live(ModelRef(model, version)))

    async def live(self, ref: ModelRef) -> LiveVersion:
        """Return a version with its signatures, asking the model server the first time.

        By a label, or without a version, it is asked each time which version that is.

        Raises:
            TfgateError: the version cannot be asked.
        """
        if (known := self.known(ref)) is not None:
            return known
        reading = self._reading.get(ref)
        if reading is None:
            reading = self._reading[ref] = asyncio.create_task(self._read(ref))
            reading.add_done_callback(lambda _: self._reading.pop(ref))
        return await asyncio.shield(reading)

    def known(self, ref: ModelRef) -> LiveVersion | None:
        """Return the version that a reference names by its number, if its signatures were read."""
        return None if ref.version is None else self._live.get((ref.name, ref.version))

    def explains(self, model: str, version: int) -> bool | None:
        """Tell whether a version can say why; None if its signatures were not read."""
        live = self.known(ModelRef(model, version))
        return None if live is None else EXPLAIN_SIGNATURE in live.signatures

    def not_explainable(self, error: NotExplainable, model: str) -> NotExplainable:
        """Build the error that also says which of a model's versions can say why, or else which
        models can."""
        can = sorted(key for key in self._live if self.explains(*key))
        if versions := [str(version) for name, version in can if name == model]:
            return NotExplainable(f"{error.detail}; version {', '.join(versions)} of it can")
        names = list(dict.fromkeys(name for name, _ in can))[:_MAX_NAMES]
        others = f"; of other models, {', '.join(names)} can" if names else ""
        return NotExplainable(f"{error.detail}; no version of it can{others}")

    async def _read(self, ref: ModelRef) -> LiveVersion:
        version, definitions = await self._client.signatures(
            ref, timeout_seconds=self._timeout_seconds
        )
        key = (ref.name, version)
        if key not in self._live:
            self._live[key] = live_version(ref.name, version, definitions)
        return self._live[key]


def _version_state(status: ModelVersionStatus) -> VersionState:
    reason = status.status
    failed = reason.error_code != 0
    return VersionState(
        version=status.version,
        state=_STATES.get(status.state, str(status.state)),
        error=(reason.error_message or "no reason given") if failed else None,
        code=code_name(reason.error_code) if failed else None,
    )


def _difference(declared: Signature, live: LiveVersion) -> str | None:
    """Say how a live signature differs from the declared one; None when it does not."""
    signature = live.signatures.get(PREDICT_SIGNATURE)
    if signature is None:
        return f"there is no signature {PREDICT_SIGNATURE!r}"
    sides = [
        ("input", declared.inputs, signature.inputs),
        ("output", declared.outputs, signature.outputs),
    ]
    for side, specs, found in sides:
        for name in sorted({*specs, *found}):
            if name not in found and name in declared.optional_outputs:
                continue
            if name not in found:
                return f"{side} {name} is missing; declared is {specs[name]}"
            if name not in specs:
                return f"{side} {name} is not declared"
            if specs[name] != found[name]:
                return f"{side} {name} is {found[name]}; declared is {specs[name]}"
    return None
