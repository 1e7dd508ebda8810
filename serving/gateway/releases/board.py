"""All releases as they run: what the file says is followed, step by step, and guarded."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

from serving.gateway.inference.router import Router
from serving.gateway.releases.release import Release
from serving.gateway.releases.release_file import ReleaseFile
from serving.gateway.releases.running import Running
from serving.gateway.telemetry import metrics

_LOGGER = logging.getLogger("tfgate.releases")
_POLL_SECONDS = 0.5  # a rollback takes effect within two seconds, on a busy machine too


class Verdicts(Protocol):
    """Where all processes that share a store find what each one's guard has found."""

    async def first_look(self) -> None:
        """Wait until it was tried once to find what was taken back before."""

    async def take_back(self, identity: str, reason: str) -> None:
        """Tell the others that a release is taken back."""

    async def taken_back(self) -> dict[str, str]:
        """Return the reasons why releases were taken back, by their identities."""


class Board:
    """The releases of a file, each with the guard's verdict; tells the router of every change."""

    def __init__(
        self,
        file: ReleaseFile,
        router: Router,
        hindrance: Callable[[str, Release], Awaitable[str | None]],
        verdicts: Verdicts | None = None,
    ) -> None:
        """`hindrance` says why a model's release may not begin, if anything is in its way."""
        self._file = file
        self._router = router
        self._hindrance = hindrance
        self._verdicts = verdicts
        self._told: dict[str, str] = {}
        _LOGGER.info("%s", file)
        self._take_over()

    @property
    def problem(self) -> str | None:
        """Why the file cannot be used; what was read from it before goes on to count."""
        return self._file.problem

    async def follow(self) -> None:
        """Follow the file, its steps and its guards, until cancelled."""
        async with asyncio.TaskGroup() as works:
            works.create_task(self._follow_hindrances())
            while True:
                await asyncio.sleep(_POLL_SECONDS)
                self._refresh()
                await self._judge(datetime.now(UTC))

    async def _follow_hindrances(self) -> None:
        """Ask what is in the way of each release, beside all else: the model server may hang.

        One that begins anew may have been taken back before, and then gets nothing at all.
        """
        if self._verdicts:
            await self._verdicts.first_look()
        while True:
            for model, running in list(self._router.running.items()):
                hindrance = await self._hindrance(model, running.release)
                await self._recall(running)
                running.hindrance = hindrance
                if self._router.running.get(model) is running:
                    self._router.release(model, running)
            await asyncio.sleep(_POLL_SECONDS)

    def _refresh(self) -> None:
        before = self._file.problem
        if self._file.refresh():
            self._take_over()
        problem = self._file.problem
        metrics.RELEASES_VALID.set(problem is None)
        if problem is not None and problem != before:
            _LOGGER.error("the releases from before go on to count: %s", problem)

    def _take_over(self) -> None:
        """Make what runs of what the file says now."""
        releases = self._file.releases
        for model in self._router.running.keys() - releases.models.keys():
            _LOGGER.info("%s has no release any more", model)
            self._router.running[model].end()
            self._router.release(model, None)
            self._told.pop(model, None)
        for model, release in releases.models.items():
            before = self._router.running.get(model)
            if before is not None and before.is_of(release, releases.cohorts):
                continue
            running = Running(model, release, releases.cohorts)
            if before is not None:
                before.end()
                running.take_over(before)
            running.tick(datetime.now(UTC))
            self._router.release(model, running)

    async def _judge(self, now: datetime) -> None:
        for model, running in list(self._router.running.items()):
            reason, identity = running.tick(now), running.identity
            await self._recall(running)
            if running.taken_back is None and reason is not None:
                running.taken_back = reason
                if self._verdicts and identity is not None:
                    await self._verdicts.take_back(identity, reason)
            self._router.release(model, running)
            self._tell(running)

    async def _recall(self, running: Running) -> None:
        """Take back what a guard has found bad before, in this process or in another."""
        identity = running.identity
        if self._verdicts and running.taken_back is None and identity is not None:
            running.taken_back = (await self._verdicts.taken_back()).get(identity)

    def _tell(self, running: Running) -> None:
        """Log each change of a release's state once."""
        told = running.told
        if self._told.get(running.model) != told:
            self._told[running.model] = told
            level = logging.ERROR if running.taken_back is not None else logging.INFO
            _LOGGER.log(level, "%s: %s", running.model, told)
