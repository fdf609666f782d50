"""An archive with everything in it that a cycle decides by, copied for each attack, and what is done with it after."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from backupd.app import Library, Surroundings, caretaker, open_library, open_records, open_survey
from backupd.core.errors import BackupdError, DownloadFailed
from backupd.core.facts import HoldSet, Scrubbed
from backupd.core.model import Checked, JobId
from backupd.core.outcome import Outcome
from backupd.core.retention import Pruning, Rules
from backupd.cycle import Cycle
from backupd.deadlines import Deadlines
from backupd.settings import load
from backupd.upkeep import Terms
from backupd.upkeep.auditing import Auditor
from backupd.verify import FileReading, Whole, ZipLimits
from tests.fakes.clock import FakeClock
from tests.fakes.records import Ear
from tests.fakes.values import data
from tests.fakes.vendor import TAKEN_AT, ZGID, FakeDownloads, FakeVendor, offer

DAMAGED, HELD, OLD, PARTIAL, NEWEST, HIDDEN, SHOWN = (f"487687600000159400{number}" for number in range(7))
_WEEK = timedelta(days=8)


@dataclass
class Site:
    """One archive in a folder; each call is a process of its own."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    ear: Ear = field(default_factory=Ear)
    vendor: FakeVendor = field(default_factory=FakeVendor)
    downloads: FakeDownloads = field(default_factory=FakeDownloads)

    @property
    def root(self) -> Path:
        return self.folder / "archive"

    @property
    def around(self) -> Surroundings:
        return Surroundings(tell=self.ear, learn=lambda _: None, clock=self.clock)

    @asynccontextmanager
    async def library(self, *, read_only: bool = False) -> AsyncIterator[Library]:
        self.root.mkdir(exist_ok=True)
        config = self.folder / "backupd.toml"
        config.write_text(f'[archive]\nroot = "{self.root}"\nmin_free = "0MB"\n[orgs.main]\n')
        async with open_library(load(config), self.around, read_only=read_only) as library:
            yield library

    async def cycle(self) -> Outcome:
        async with self.library() as library:
            return await Cycle(
                "main",
                self.vendor,
                self.downloads,
                library.archive,
                lambda: open_records("main", library, self.around),
                self.clock,
                self.ear,
                Deadlines(self.clock, self.ear),
            ).run()

    async def prune(self, *, dry_run: bool = False) -> Pruning:
        terms = Terms(Rules(keep_last=2), timedelta(days=7), timedelta(days=30), ZipLimits())
        async with self.library(read_only=dry_run) as library:
            pruner = caretaker(library, self.around).pruner("main", terms)
            return await pruner.judge(library.catalog) if dry_run else await pruner.run()

    async def status(self) -> None:
        async with self.library(read_only=True) as library:
            await open_survey(load(self.folder / "backupd.toml"), library).overview()
            for row in await library.catalog.snapshots():
                await library.catalog.files(row.path)

    async def verify(self) -> set[str]:
        """Return the paths that are found as they were archived."""

        async def recall(org: str, job: JobId):
            return (await library.catalog.archived(org, [job])).get(job)

        async with self.library(read_only=True) as library:
            auditor = Auditor(self.root, _read, lambda _, __: True, recall)
            return {
                str(found.path)
                async for found in library.archive.snapshots()
                if not (await auditor.audit(found.path)).findings
            }

    async def write(self, *facts) -> None:
        async with self.library() as library, library.archive.lock("main", what="test"):
            journal, catalog = await open_records("main", library, self.around)
            await catalog.record("main", await journal.append(*facts))

    async def fill(self) -> None:
        """Live through weeks: snapshots of all sorts, a hold, damage, a missed job, and one whose links are hidden."""
        for number, job in enumerate((DAMAGED, HELD, OLD, PARTIAL, NEWEST)):
            names = ("Data_001.zip", "Data_002.zip", "Attachments_001.zip") if job != PARTIAL else ("Data_001.zip",)
            taken_at = TAKEN_AT + number * _WEEK
            self.vendor.show(offer(job, *names, taken_at=taken_at))
            await self.cycle()
            if job == PARTIAL:
                self.downloads.failures = _gone("Data_002.zip")
                self.vendor.show(offer(job, "Data_001.zip", "Data_002.zip", taken_at=taken_at))
                await self.cycle()
            self.clock.pass_time(days=8)
        await self.write(
            HoldSet(JobId(ZGID, HELD), "an audit"), Scrubbed(JobId(ZGID, DAMAGED), 3, (data("Data_002.zip"),))
        )
        self.downloads.failures = _gone("Data_002.zip", "Attachments_001.zip")
        taken_at = self.clock.now() - timedelta(days=1)
        self.vendor.show(offer(HIDDEN, "Data_001.zip", "Data_002.zip", "Attachments_001.zip", taken_at=taken_at))
        await self.cycle()
        self.vendor.show(offer(SHOWN, "Data_001.zip", taken_at=taken_at + timedelta(hours=6)))
        self.downloads.failures = _gone("Data_002.zip", "Attachments_001.zip")
        await self.cycle()
        self.vendor.show(offer(SHOWN, "Data_001.zip", "Attachments_001.zip", taken_at=taken_at + timedelta(hours=6)))
        self.downloads.failures = {}

    def copy(self, folder: Path) -> "Site":
        """Copy it as it is now; the copy's time goes on by itself."""
        shutil.copytree(self.folder, folder)
        return Site(folder, FakeClock(self.clock.now()), vendor=FakeVendor(self.vendor.shown))

    @property
    def tree(self) -> dict[str, str]:
        """Every file of every snapshot with its hash; two good ends of one story have the same."""
        return {
            str(path.relative_to(self.root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.root.glob("[a-z]*/[0-9]*/**/*"))
            if path.is_file()
        }


def _gone(*names: str) -> dict[str, list[BackupdError]]:
    return {name: [DownloadFailed("gone")] for name in names}


async def _read(path: Path, _: str) -> FileReading:
    """Read a file that is no zip as if it were one."""
    content = await asyncio.to_thread(path.read_bytes)
    return Whole(len(content), hashlib.sha256(content).hexdigest(), Checked(1, len(content)))


def flip(file: Path, bit: int) -> None:
    """Turn one bit of a file over."""
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(content)
