"""Stub."""

from serving.gateway.releases.release import Guard


class GuardJudge:
    def __init__(self, guard: Guard) -> None:
        pass

    def observe(self, route: str, *, failed: bool, seconds: float) -> None:
        pass

    def judge(self) -> str | None:
        return None
