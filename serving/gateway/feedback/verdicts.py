"""What the guards of all gateways that share a store have found; none of them waits for it."""

import asyncio
from contextlib import suppress

from serving.errors import StoreUnavailable
from serving.gateway.feedback.store import Store

_POLL_SECONDS = 0.5  # as often as releases are looked at


class Verdicts:
    """Releases that were taken back, with the reasons, as far as the store has told.

    What was found here counts at once, and is told to the others as soon as the store can be used.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, str] = {}
        self._untold: dict[str, str] = {}
        self._has_looked = asyncio.Event()

    async def first_look(self) -> None:
        """Wait until it was tried once to be told; nobody waits for a store that is away."""
        await self._has_looked.wait()

    async def take_back(self, identity: str, reason: str) -> None:
        """Tell the others that a release is taken back."""
        self._untold[identity] = reason

    async def taken_back(self) -> dict[str, str]:
        """Return the reasons why releases were taken back, by their identities."""
        return {**self._untold, **self._known}

    async def follow(self) -> None:
        """Tell and be told, until cancelled; so it is also found whether the store can be used."""
        while True:
            with suppress(StoreUnavailable):
                await self.exchange()
            self._has_looked.set()
            await asyncio.sleep(_POLL_SECONDS)

    async def exchange(self) -> None:
        """Tell and be told once.

        Raises:
            StoreUnavailable: the store cannot be used.
        """
        for identity, reason in list(self._untold.items()):
            await self._store.take_back(identity, reason)
            self._known.setdefault(identity, reason)
            del self._untold[identity]
        self._known = await self._store.taken_back()
