"""Looking after an archive that an operator's cycles fill: what the daemon's chores do, in injected time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from backupd.app import Library, Surroundings, caretaker, open_library, open_records
from backupd.archive.inventory import take_inventory
from backupd.core.facts import Fact
from backupd.core.model import FileId, JobId, Kind
from backupd.core.retention import Pruning, Rules
from backupd.settings import load
from backupd.upkeep import Terms
from backupd.upkeep.auditing import Audit
from backupd.verify import ZipLimits
from tests.integration.operator import Operator

DATA = FileId(Kind.DATA, "Data_001.zip")


@dataclass
class Keeper:
    """Prunes, scrubs and writes facts in the operator's archive; each call is a process of its own."""

    operator: Operator
    rules: Rules = field(default_factory=lambda: Rules(keep_last=1))
    trash_for: timedelta = timedelta(days=7)
    scrub_every: timedelta = timedelta(days=30)
    skew: timedelta | None = None

    @property
    def terms(self) -> Terms:
        return Terms(self.rules, self.trash_for, self.scrub_every, ZipLimits())

    @property
    def around(self) -> Surroundings:
        return Surroundings(tell=self.operator.ear, learn=lambda _: None, clock=self.operator.clock)

    @asynccontextmanager
    async def library(self) -> AsyncIterator[Library]:
        async with open_library(load(self.operator.config), self.around, read_only=False) as library:
            yield library

    async def prune(self) -> Pruning:
        async with self.library() as library:
            return await caretaker(library, self.around).pruner("main", self.terms, lambda: self.skew).run()

    async def scrub(self) -> tuple[Audit, ...]:
        async with self.library() as library:
            return await caretaker(library, self.around).scrubber("main", self.terms).run()

    async def write(self, *facts: Fact) -> None:
        async with self.library() as library, library.archive.lock("main", what="test"):
            journal, catalog = await open_records("main", library, self.around)
            await catalog.record("main", await journal.append(*facts))

    async def rebuild(self) -> None:
        async with self.library() as library:
            await library.catalog.rebuild()

    def damage(self, job: str, file: FileId = DATA) -> bytes:
        """Flip a byte of an archived file; return what the file was."""
        path = self.operator.root / self.folder(job) / str(file)
        before = path.read_bytes()
        path.chmod(0o640)
        path.write_bytes(before[:100] + bytes([before[100] ^ 1]) + before[101:])
        path.chmod(0o440)
        return before

    def folder(self, job: str) -> str:
        (path,) = [path for path in self.operator.snapshots if path.endswith(f"_{job}")]
        return path

    def job(self, name: str) -> JobId:
        path = self.operator.root / self.folder(name)
        record = take_inventory(path.parent, path.relative_to(path.parent)).record  # type: ignore[arg-type]  # any pure path
        return record.job  # type: ignore[union-attr]  # its manifest can be read
