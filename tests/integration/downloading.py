"""A downloader on real sockets and files, before the simulated vendor: what the tests of downloads share."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import aiohttp

from backupd.core.check import NewCheck
from backupd.core.errors import LinkRefused
from backupd.core.events import Event
from backupd.core.model import FileId, JobId, Kind, Link, Received
from backupd.core.patience import ONE_RUN, Patience
from backupd.core.slot import Slot
from backupd.download import Downloader, Limits
from backupd.simulator import FileSpec, OrgSpec, RunSpec, Scenario, ScheduleSpec, Simulator, Vendor, ago
from tests.fakes.check import FakeChecks
from tests.fakes.clock import FakeClock
from tests.integration.simulated import CREDENTIALS, JOB

ZGID = "757345985"
NAME = "Data_001.zip"
SomeEvent = TypeVar("SomeEvent", bound=Event)


@lru_cache(maxsize=4)
def some_bytes(size: int, seed: int = 1) -> bytes:
    """Make bytes that cannot be taken for text, the same for the same seed."""
    return b"PK\x03\x04" + random.Random(seed).randbytes(size - 4)


@dataclass
class FakeAuthorizer:
    """Asks the simulated vendor for tokens, and lets requests go to its host only."""

    session: aiohttp.ClientSession
    url: str
    token: str = ""
    renewed: int = 0
    hosts: set[str] = field(default_factory=lambda: {"127.0.0.1"})
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def check(self, url: str) -> None:
        if urlsplit(url).hostname not in self.hosts:
            raise LinkRefused("the link leads to a host that is not allowed")

    async def headers(self, url: str) -> dict[str, str]:
        self.check(url)
        async with self._asking:
            if not self.token:
                await self._ask()
        return {"Authorization": f"Zoho-oauthtoken {self.token}"}

    async def renew(self, headers: Mapping[str, str]) -> None:
        async with self._asking:
            if headers["Authorization"].endswith(self.token):  # else another connection has renewed it
                self.renewed += 1
                await self._ask()

    async def _ask(self) -> None:
        async with self.session.post(f"{self.url}/oauth/v2/token", data=CREDENTIALS) as answer:
            self.token = (await answer.json())["access_token"]


@dataclass
class Bench:
    """One downloader, one vendor, one folder, and what was told."""

    vendor: Vendor
    session: aiohttp.ClientSession
    folder: Path
    clock: FakeClock
    authorizer: FakeAuthorizer
    checks: FakeChecks
    limits: Limits
    content: bytes = field(repr=False)  # asyncio asks for the repr of what a coroutine returned, which is this bench
    told: list[Event] = field(default_factory=list)

    @property
    def slot(self) -> Slot:
        return self.slot_of(NAME)

    def slot_of(self, name: str) -> Slot:
        return Slot(self.folder / f"{name}.part", self.folder / f"{name}.resume")

    def link(self, name: str = NAME, base: str | None = None) -> Link:
        url = f"{base or self.vendor.url}/v2/crm/{ZGID}/backup/{JOB}/{name}"
        return Link(JobId(ZGID, JOB), FileId(Kind.DATA, name), url)

    async def fetch(
        self,
        name: str = NAME,
        *,
        link: Link | None = None,
        patience: Patience = ONE_RUN,
        deadline: datetime | None = None,
        new_check: NewCheck | None = None,
        limits: Limits | None = None,
    ) -> Received:
        """Fetch with a new downloader, as a new process would."""
        async with self.downloader(new_check=new_check, limits=limits) as downloader:
            return await self.fetch_with(downloader, name, link=link, patience=patience, deadline=deadline)

    def downloader(self, *, new_check: NewCheck | None = None, limits: Limits | None = None) -> Downloader:
        return Downloader(
            self.session,
            new_check=new_check or self.checks,
            clock=self.clock,
            tell=self.told.append,
            limits=limits or self.limits,
            jitter=lambda: 0.5,
        )

    async def fetch_with(
        self,
        downloader: Downloader,
        name: str = NAME,
        *,
        link: Link | None = None,
        patience: Patience = ONE_RUN,
        deadline: datetime | None = None,
    ) -> Received:
        return await downloader.fetch(
            "main",
            link or self.link(name),
            self.slot_of(name),
            authorizer=self.authorizer,
            deadline=deadline or self.clock.now() + timedelta(days=5),
            patience=patience,
        )

    def told_of(self, kind: type[SomeEvent]) -> list[SomeEvent]:
        return [event for event in self.told if isinstance(event, kind)]

    @property
    def downloads(self) -> list[Any]:
        """What was asked of the file server."""
        return [request for request in self.vendor.requests if request.operation == "download"]

    @property
    def ranges(self) -> list[str | None]:
        return [request.range for request in self.downloads]

    def on_disk(self, name: str = NAME) -> bytes:
        return self.slot_of(name).part.read_bytes()

    def assert_whole(self, received: Received, content: bytes | None = None) -> None:
        """The file in the slot is the vendor's, and the receipt says so."""
        content = self.content if content is None else content
        assert self.on_disk(received.file.name) == content
        assert received.sha256 == hashlib.sha256(content).hexdigest()
        assert received.size == len(content)
        assert self.checks.made[-1].finished


def scenario_of(contents: Mapping[str, bytes], **org: Any) -> Scenario:
    files = tuple(FileSpec("data", name, content=content) for name, content in contents.items())
    run = RunSpec(JOB, finished=ago(days=2), files=files)
    return Scenario((OrgSpec(**{"schedule": ScheduleSpec(), "runs": (run,), **org}),))


@asynccontextmanager
async def downloading(
    folder: Path,
    *,
    size: int = 1_000_000,
    contents: Mapping[str, bytes] | None = None,
    limits: Limits | None = None,
    **org: Any,
) -> AsyncIterator[Bench]:
    """Run a vendor that offers one file, or those given."""
    contents = contents or {NAME: some_bytes(size)}
    clock = FakeClock()
    async with (
        Simulator(scenario_of(contents, **org), clock=clock.now) as vendor,
        aiohttp.ClientSession() as session,
    ):
        yield Bench(
            vendor=vendor,
            session=session,
            folder=folder,
            clock=clock,
            authorizer=FakeAuthorizer(session, vendor.url),
            checks=FakeChecks(),
            limits=limits or Limits(timeout=5.0),
            content=next(iter(contents.values())),
        )
