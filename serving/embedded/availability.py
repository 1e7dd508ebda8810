"""What to do next with one model's versions so that it never goes unserved; does none of it.

This is TF Serving's AvailabilityPreservingPolicy: load the new before unloading the old.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Phase = Literal["new", "ready", "between"]


@dataclass(frozen=True)
class VersionSnapshot:
    """One version as the policy sees it: wanted or not, and not loaded yet, ready, or between."""

    version: int
    wanted: bool
    phase: Phase


@dataclass(frozen=True)
class Action:
    verb: Literal["load", "unload"]
    version: int


def next_action(versions: Iterable[VersionSnapshot]) -> Action | None:
    """Return the next step for one model, None when there is nothing to do.

    Unwanted versions are unloaded, lowest first, once a wanted one is ready or none is wanted;
    new versions are loaded, highest first.
    """
    snapshots = list(versions)
    wanted = [snapshot for snapshot in snapshots if snapshot.wanted]
    leaving = [s.version for s in snapshots if not s.wanted and s.phase == "ready"]
    safe_to_unload = not wanted or any(s.phase == "ready" for s in wanted) or len(leaving) > 1
    if leaving and safe_to_unload:
        return Action("unload", min(leaving))
    arriving = [snapshot.version for snapshot in wanted if snapshot.phase == "new"]
    return Action("load", max(arriving)) if arriving else None
