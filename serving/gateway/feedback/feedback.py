"""Feedback as the gateway has it: one store, what goes into it beside the requests, and figures."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from serving.errors import StoreUnavailable
from serving.gateway.background import Work
from serving.gateway.feedback.joining import Joined, Truth, join
from serving.gateway.feedback.recorder import Recorder
from serving.gateway.feedback.sqlite_store import SqliteStore
from serving.gateway.feedback.store import Side, Store
from serving.gateway.feedback.sums import Figures, figures_of
from serving.gateway.feedback.verdicts import Verdicts
from serving.gateway.settings import Settings
from serving.gateway.store import is_redis


class Feedback:
    """Keeps what is answered, and joins to it what was right.

    `recorder` is to be shown each answer, and `verdicts` are those of all guards.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.recorder = Recorder(store)
        self.verdicts = Verdicts(store)

    @property
    def works(self) -> list[Work]:
        """What goes on beside the requests."""
        return [self.recorder.write, self.verdicts.follow]

    async def join(self, truths: Sequence[Truth], places: Sequence[str]) -> list[Joined]:
        """Join truths to the answers that they are about; `places` say where each was given.

        Raises:
            InvalidInput: one does not fit its answer, and none is joined.
            StoreUnavailable: the store cannot be used.
        """
        # An answer of this moment is found as well.
        await self.recorder.flush()
        return await join(self.store, truths, places)

    async def figures(self, model: str) -> dict[Side, Figures]:
        """Return how good each version's answers were, by the route that led to it.

        Raises:
            StoreUnavailable: the store cannot be used.
        """
        sums = await self.store.sums(model)
        return {side: figures_of(amounts) for side, amounts in sorted(sums.items())}

    async def close(self) -> None:
        """Write what has gathered, tell what guards have just found, and leave the store."""
        with suppress(StoreUnavailable):
            await self.recorder.flush()
            await self.verdicts.exchange()
        await self.store.close()


def open_feedback(settings: Settings) -> Feedback | None:
    """Make what the settings ask for; nothing is opened yet."""
    if settings.store == "none":
        return None
    if is_redis(settings.store):
        # Not at the top: its package is an extra, which only this setting needs.
        from serving.gateway.feedback.redis_store import RedisStore  # noqa: PLC0415

        return Feedback(RedisStore(settings.store, kept_seconds=settings.feedback_seconds))
    path = settings.store.removeprefix("sqlite").removeprefix("://")
    file = Path(path) if path else None
    return Feedback(SqliteStore(file, kept_seconds=settings.feedback_seconds))
