"""How versions stand, in the words of Triton's model repository extension."""

from collections.abc import Iterator
from dataclasses import dataclass

from serving.gateway.inference.catalog import VersionState
from serving.gateway.inference.monitor import ModelState

READY = "READY"
_STATES = {"START": "LOADING", "LOADING": "LOADING", "UNLOADING": "UNLOADING"}


@dataclass(frozen=True)
class IndexEntry:
    """A version; `state` is READY, LOADING, UNLOADING or UNAVAILABLE, `reason` why, if known."""

    name: str
    version: str
    state: str
    reason: str


def index(name: str, found: ModelState) -> Iterator[IndexEntry]:
    """List a model's versions, newest first; one line if there are none."""
    for each in found.versions:
        state = _state(each, found)
        reason = each.error or found.unready.get(each.version) or ""
        yield IndexEntry(name, str(each.version), state, reason)
    if not found.versions:
        yield IndexEntry(name, "", "UNAVAILABLE", found.missing or "")


def is_ready(found: ModelState, version: int | None) -> bool:
    """Tell whether a version can be asked, or whether any can, for None."""
    if version is None:
        return found.missing is None
    return any(each.version == version and _state(each, found) == READY for each in found.versions)


def _state(version: VersionState, found: ModelState) -> str:
    if version.available and version.version not in found.unready:
        return READY
    return _STATES.get(version.state, "UNAVAILABLE")
