"""How a release stands, as a gateway tells it under /models/{model}; asks nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.gateway.releases.release import Release
from tfgate.release.edits import CannotRelease


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

    def refuse_taken_back(self, model: str) -> None:
        """See that the guard has found nothing.

        Raises:
            CannotRelease: it has taken the candidate's share back.
        """
        if self.document.get("state") == "taken back":
            message = (
                f"the guard has taken {model}'s candidate back: {self.document.get('reason')}. "
                f"tfgate release rollback {model} ends it; start it anew to try it once more."
            )
            raise CannotRelease(message)

    @property
    def told(self) -> str:
        """How it stands, in words."""
        state, reason = self.document["state"], self.document.get("reason")
        return f"{state}: {reason}" if reason else str(state)

    def figures(self, role: str) -> str:
        """What was seen of the stable version or of the candidate, within the guard's window."""
        side = (self.document.get("figures") or {}).get(role)
        if not side or not side["requests"]:
            return "no requests yet" if side else ""
        p99 = "" if side["p99_seconds"] is None else f", p99 {1000 * side['p99_seconds']:.3g} ms"
        failed = side["failed"] / side["requests"]
        return f"{side['requests']:,} requests, {failed:.2%} failed{p99}"

    def _version(self, role: str) -> int | None:
        found = self.document.get(role)
        return found.get("version") if isinstance(found, Mapping) else found
