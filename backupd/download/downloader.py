"""All downloads of the process: how many at once, how often a file is tried, and the waits between the tries."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self, assert_never

import aiohttp

from backupd.core.check import NewCheck
from backupd.core.clock import Clock
from backupd.core.events import FileRetrying, FileStarted, Tell
from backupd.core.model import Link, Received
from backupd.core.patience import Patience
from backupd.core.ports import Claim, Room
from backupd.core.slot import Slot
from backupd.download.fetching import Fetch
from backupd.download.pace import Pace
from backupd.download.places import Places
from backupd.download.record import boot_id
from backupd.download.requests import Authorizer, Requests
from backupd.download.setback import Setback
from backupd.download.tools import Tools
from backupd.download.tries import GiveUp, Tries, Wait
from backupd.download.workers import Workers, usual_threads


@dataclass(frozen=True, slots=True)
class Limits:
    """What all downloads together may use."""

    files_at_once: int = 4
    connections: int = 4
    timeout: float = 60.0  # seconds without a byte, after which a connection counts as stalled
    bandwidth: int | None = None  # bytes a second; None: no limit
    threads: int | None = None  # for writing, hashing and checking; None: by the number of cores


class _Boundless:
    """Stands where nobody watches over the disk."""

    def claim(self) -> Claim:
        """There is nothing to share."""
        return self

    async def require(self, wanted: int) -> None:
        """There is always room."""

    def still(self, wanted: int) -> None:
        """There is always room."""

    def release(self) -> None:
        """There is always room."""


class Downloader:
    """Fetches files from links. One for the whole process: the pace is common to all orgs."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        new_check: NewCheck,
        clock: Clock,
        tell: Tell,
        limits: Limits | None = None,
        room: Room | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        limits = limits or Limits()
        self._jitter = jitter
        self._files = asyncio.Semaphore(limits.files_at_once)
        self._ends = asyncio.Semaphore(limits.files_at_once)  # as many more wait for disk and verdict
        self._tools = Tools(
            session=session,
            new_check=new_check,
            workers=Workers(limits.threads or usual_threads()),
            pace=Pace(limits.bandwidth, clock=clock, tell=tell),
            places=Places(limits.connections, clock=clock),
            clock=clock,
            tell=tell,
            boot=boot_id(),
            stall=limits.timeout,
            room=room or _Boundless(),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._tools.workers.close)

    async def fetch(
        self, org: str, link: Link, slot: Slot, *, authorizer: Authorizer, deadline: datetime, patience: Patience
    ) -> Received:
        """Leave the complete, hashed, checked and fsynced file at `slot.part`, or raise.

        Resumes what an earlier try, or process, left there. Raises ZipRejected (the rejected file stays in the slot),
        another FileError, VendorError or ArchiveError.
        """
        tries = Tries(patience, deadline, now=self._tools.clock.monotonic())
        requests = Requests(link, authorizer, self._tools, deadline=deadline, patience=patience)
        fetch = Fetch(org, link, slot, tools=self._tools, requests=requests, tries=tries)
        self._tools.tell(FileStarted(org, link.job.job, str(link.file)))
        try:
            while True:
                try:
                    async with self._files:
                        await fetch.receive()
                        await self._ends.acquire()  # before the next one may begin, so that they do not pile up
                    try:
                        return await fetch.finish()
                    finally:
                        self._ends.release()
                except Setback as setback:
                    await self._wait_or_raise(org, link, setback, tries)
        finally:
            await fetch.close()

    async def _wait_or_raise(self, org: str, link: Link, setback: Setback, tries: Tries) -> None:
        decision = tries.after_failure(
            setback.pause, jitter=self._jitter(), now=self._tools.clock.monotonic(), wall=self._tools.clock.now()
        )
        match decision:
            case Wait(seconds):
                self._tools.tell(
                    FileRetrying(
                        org,
                        link.job.job,
                        str(link.file),
                        reason=setback.reason,
                        attempt=tries.failed,
                        wait=round(seconds, 3),
                    )
                )
                await self._tools.clock.sleep(seconds)
            case GiveUp(why):
                raise setback.error(str(link.file), why) from setback
            case _:
                assert_never(decision)
