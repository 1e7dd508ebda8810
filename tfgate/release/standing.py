"""How a release stands, as a gateway tells it under /models/{model}; asks nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.gateway.releases.release import Release


@dataclass(frozen=True)
class Standing:
    """What a gateway does with a release at present."""

    document: Mapping[str, Any]

    def follows(self, release: Release) -> bool:
        """Tell whether it goes by what the file says now."""
        wanted = {
            "stable": release.stable,
            "candidate": release.candidate and release.candidate.version,
            "shadow": release.shadow and release.shadow.version,
        }
        return all(self._version(role) == version for role, version in wanted.items())

    @property
    def told(self) -> str:
        """How it stands, in words."""
        state, reason = self.document.get("state"), self.document.get("reason")
        return f"{state}: {reason}" if reason else str(state)

    def _version(self, role: str) -> int | None:
        found = self.document.get(role)
        return found.get("version") if isinstance(found, Mapping) else found
