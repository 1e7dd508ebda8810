"""How versions stand, in the words of Triton's model repository extension."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from serving.gateway.inference.catalog import VersionState
from serving.gateway.inference.monitor import ModelState

_READY = "READY"
_STATES = {"START": "LOADING", "LOADING": "LOADING", "UNLOADING": "UNLOADING"}


@dataclass(frozen=True)
class IndexEntry:
    """A version; `state` is READY, LOADING, UNLOADING or UNAVAILABLE, `reason` why, if known."""

    name: str
    version: str
    state: str
    reason: str


def index(found: Mapping[str, ModelState], *, only_ready: bool) -> list[IndexEntry]:
    """List the versions of all models, newest first; one line of a model that has none."""
    return [
        entry
        for name, state in sorted(found.items())
        for entry in _entries(name, state)
        if entry.state == _READY or not only_ready
    ]


def is_ready(found: ModelState, version: int | None) -> bool:
    """Tell whether a version can be asked, or whether any can, for None."""
    if version is None:
        return found.missing is None
    return any(each.version == version and _state(each, found) == _READY for each in found.versions)


def _entries(name: str, found: ModelState) -> Iterator[IndexEntry]:
    for each in found.versions:
        state = _state(each, found)
        reason = each.error or found.unready.get(each.version) or ""
        yield IndexEntry(name, str(each.version), state, reason)
    if not found.versions:
        yield IndexEntry(name, "", "UNAVAILABLE", found.missing or "")


def _state(version: VersionState, found: ModelState) -> str:
    if version.available and version.version not in found.unready:
        return _READY
    return _STATES.get(version.state, "UNAVAILABLE")
