"""How a release stands, as a gateway tells it under /models/{model}; asks nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.gateway.releases.release import Release
from tfgate.release.edits import CannotRelease


@dataclass(frozen=True)
class Standing:
    """What a gateway does with a release at present; `document` is its own description."""

    document: Mapping[str, Any]

    def follows(self, release: Release) -> bool:
        """Tell whether it goes by what the file says now, and not by what that said before."""
        return self._roles == (
            release.stable,
            release.candidate and (release.candidate.version, release.candidate.started),
            release.shadow and (release.shadow.version, release.shadow.percent),
        )

    @property
    def _roles(self) -> tuple[int, tuple[int, datetime | None] | None, tuple[int, float] | None]:
        candidate, shadow = self.document["candidate"], self.document["shadow"]
        started = candidate and candidate["started"]
        return (
            self.document["stable"],
            candidate
            and (candidate["version"], datetime.fromisoformat(started) if started else None),
            shadow and (shadow["version"], shadow["percent"]),
        )

    @property
    def waits(self) -> bool:
        """Whether it does not begin yet."""
        return bool(self.document["state"] == "waiting")

    def refuse_taken_back(self, model: str) -> None:
        """See that the guard has found nothing.

        Raises:
            CannotRelease: it has taken the candidate's share back.
        """
        if self.document["state"] == "taken back":
            message = (
                f"the guard has taken {model}'s candidate back: {self.document['reason']}. "
                f"tfgate release rollback {model} ends it; start it anew to try it once more."
            )
            raise CannotRelease(message)

    @property
    def told(self) -> str:
        """How it stands, in words."""
        state, reason = self.document["state"], self.document["reason"]
        told = f"{state}: {reason}" if reason else str(state)
        candidate = self.document["candidate"]
        if candidate is None:
            return f"{told}, version {self.document['stable']} answers" if not reason else told
        share = f"version {candidate['version']} gets {candidate['percent']:g} % now"
        return f"{told}, {share}" if not reason else f"{told}; {share}"

    @property
    def verdicts(self) -> str:
        """What each rule of the guard says."""
        verdicts = self.document["figures"]["verdicts"]
        running = self.document["state"] == "running"
        return "\n".join(
            f"{each['rule']} {each['says']}: {each['words']}"
            + ("; taken back if that lasts" if running and each["says"] == "broken" else "")
            for each in verdicts
        )

    def figures(self, role: str) -> str:
        """What was seen of the stable version or of the candidate, within the guard's window."""
        side = self.document["figures"][role]
        if not side["requests"]:
            return "no requests yet"
        p99 = "" if side["p99_seconds"] is None else f", p99 {1000 * side['p99_seconds']:.3g} ms"
        failed = side["failed"] / side["requests"]
        return f"{side['requests']:,} requests, {failed:.2%} failed{p99}"
