"""The catalog as the program uses it: opened or rebuilt, kept level with the journals, and asked.

It is never the only place of anything: a catalog that is missing, damaged, deleted while in use or of another version
is made anew from manifests and journals. A reader that may not write works on a private copy where that is needed.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path, PurePosixPath
from sqlite3 import Connection
from types import TracebackType
from typing import Self, TypeVar

from backupd.catalog import asking, asking_later, filling, sealing
from backupd.catalog.database import Database, Lost
from backupd.catalog.rows import FileRow, MissedJob, OrgTotals, SnapshotRow
from backupd.catalog.sources import JournalView, Snapshots
from backupd.catalog.watched import Watched
from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.errors import ArchiveError
from backupd.core.model import HistoryEntry, JobId
from backupd.core.records import ArchivedJob, FoundSnapshot, JournalLine, PublishedSnapshot, RememberedOffer

_BATCH = 1000  # journal lines, or snapshots, taken in with one transaction
_MANY = 1_000_000

_T = TypeVar("_T")


class Catalog:
    """The index over manifests and journals. Whatever it answers can be rebuilt from them."""

    def __init__(
        self,
        database: Database,
        *,
        archive: Snapshots,
        journals: Callable[[str], Awaitable[JournalView]],
        clock: Clock,
        tell: events.Tell,
        read_only: bool,
    ) -> None:
        self._database = database
        self._archive = archive
        self._journals = journals
        self._clock = clock
        self._tell = tell
        self._read_only = read_only
        self.later = asking_later.Later(self._ask)
        self.strayed: set[str] = set()  # orgs whose journal was found not to be the one that the catalog was made from
        self._alone = asyncio.Lock()  # a question does not meet a catalog half rebuilt

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        archive: Snapshots,
        journals: Callable[[str], Awaitable[JournalView]],
        clock: Clock,
        tell: events.Tell,
        wal: bool = True,
        read_only: bool = False,
    ) -> "Catalog":
        """Open the catalog at `path`, or rebuild it; `journals` opens an org's journal for reading.

        A reader (`read_only`) changes nothing on the disk, needs no lock, and sees all that the journals hold now.
        Without `wal` it works on file systems that cannot share memory between processes.
        """
        database = Database(path, wal=wal)
        catalog = cls(database, archive=archive, journals=journals, clock=clock, tell=tell, read_only=read_only)
        try:
            await catalog._open()
        except BaseException:
            await database.close()
            raise
        return catalog

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the database."""
        async with self._alone:
            await self._database.close()

    # --- following the journals ----------------------------------------------------------------------------------

    async def catch_up(self, org: str, journal: JournalView) -> None:
        """Take in what the journal holds and the catalog does not; rebuild if it is not the journal known before."""
        async with self._alone:
            await self._surviving(lambda: self._follow(org, journal))

    async def record(
        self, org: str, lines: tuple[JournalLine, ...], published: PublishedSnapshot | None = None
    ) -> None:
        """Take in new lines of the org's journal; a Published or Revised line comes with its snapshot.

        Lines that were taken in before are passed over; those that an earlier call failed to take in are read now.
        """
        found: dict[PurePosixPath, FoundSnapshot] = {}
        if published is not None:
            path = published.path
            found[path] = FoundSnapshot(path, published.manifest, published.manifest_sha256)

        async def take_in() -> None:
            try:
                await self._database.run(lambda db: filling.put_lines(db, org, lines, found))
            except filling.Gap:
                await self._follow(org, await self._journals(org))

        async with self._alone:
            await self._surviving(take_in)

    async def rebuild(self, reason: str = "it was asked for") -> int:
        """Make the catalog anew from manifests and journals; return the number of snapshots. Raises ArchiveError."""
        async with self._alone:
            return await self._rebuild(reason)

    # --- answers -------------------------------------------------------------------------------------------------

    async def archived(self, org: str, jobs: Collection[JobId]) -> Mapping[JobId, ArchivedJob]:
        """Return what is archived of these jobs; `manifest_sha256` is what the journal recorded, empty if nothing."""
        return await self._ask(lambda db: asking.archived(db, org, jobs))

    async def remembered(self, org: str, jobs: Collection[JobId]) -> Mapping[JobId, RememberedOffer]:
        """Return the links once seen of these jobs."""
        return await self._ask(lambda db: asking.remembered(db, org, jobs))

    async def pending(self, org: str) -> tuple[RememberedOffer, ...]:
        """Return the jobs with links that are neither archived nor given up."""
        return await self._ask(lambda db: asking.pending(db, org))

    async def pinned(self, org: str) -> str | None:
        """Return the zgid that the org was pinned to at first sight."""
        return await self._ask(lambda db: asking.pinned(db, org))

    async def snapshots(
        self, org: str | None = None, *, limit: int = _MANY, after: SnapshotRow | None = None
    ) -> tuple[SnapshotRow, ...]:
        """Return snapshots, newest first; with `after`, those that follow it: so they can be had in pages."""
        return await self._ask(lambda db: asking.snapshots(db, org, limit=limit, after=after))

    async def find(self, name: str) -> SnapshotRow:
        """Find one snapshot by its path, folder or job id, or the beginning of one. Raises UsageError."""
        return await self._ask(lambda db: asking.find(db, name))

    async def files(self, path: PurePosixPath) -> tuple[FileRow, ...]:
        """Return the files of the snapshot at `path`."""
        return await self._ask(lambda db: asking.files(db, path))

    async def totals(self) -> tuple[OrgTotals, ...]:
        """Return the sums for each org that has a snapshot."""
        return await self._ask(asking.totals)

    async def history(self, org: str, *, limit: int = _MANY) -> tuple[HistoryEntry, ...]:
        """Return the vendor's history as far as it was seen, newest first."""
        return await self._ask(lambda db: asking.history(db, org, limit=limit))

    async def missed(self, org: str | None = None, *, limit: int = _MANY) -> tuple[MissedJob, ...]:
        """Return the jobs that were given up, newest first."""
        return await self._ask(lambda db: asking.missed(db, org, limit=limit))

    async def curable(self, org: str, now: datetime) -> tuple[RememberedOffer, ...]:
        """Return the jobs whose snapshot has damaged files while their links live."""
        return await self._ask(lambda db: asking_later.curable(db, org, now))

    @property
    def watched(self) -> Watched:
        """What the watch over an org asks."""
        return Watched(self._ask)

    # --- keeping it alive ----------------------------------------------------------------------------------------

    async def _ask(self, question: Callable[[Connection], _T]) -> _T:
        async with self._alone:
            return await self._surviving(lambda: self._database.run(question))

    async def _surviving(self, work: Callable[[], Awaitable[_T]]) -> _T:
        """Do the work, once more if the database turns out to be lost."""
        try:
            return await work()
        except Lost as lost:
            await self._restore(lost)
        try:
            return await work()
        except Lost as lost:
            raise ArchiveError(f"{self._database.path}: {lost}") from lost

    async def _open(self) -> None:
        if self._read_only:
            await self._open_to_read()
            return
        try:
            await self._database.open(read_only=False)
        except Lost as lost:
            await self._rebuild(str(lost), damaged=lost.damaged)

    async def _restore(self, lost: Lost) -> None:
        """Use what another process may have put there, or else rebuild."""
        await self._archive.orgs()  # raises if the archive is gone: what lies in its place is not looked at
        if not lost.damaged:
            await self._open()
        else:
            await self._rebuild(str(lost), damaged=True)

    async def _open_to_read(self) -> None:
        """Use the file if it is level with the journals, else a private copy made so, else a private new one."""
        try:
            await self._database.open(read_only=True)
            behind = [org for org in await self._archive.orgs() if not await self._is_level(org)]
            if not behind or await self._level_copy(behind):
                return
        except (Lost, ArchiveError):
            pass  # not there, no catalog, or SQLite cannot open it without writing beside it
        await self._fill_private()

    async def _level_copy(self, orgs: Iterable[str]) -> bool:
        await self._database.begin_temporary(copied=True)
        return all([await self._level(org, await self._journals(org)) for org in orgs])

    async def _fill_private(self) -> int:
        await self._database.begin_temporary(copied=False)
        return await self._fill()

    async def _rebuild(self, reason: str, *, damaged: bool = False) -> int:
        if self._read_only:
            return await self._fill_private()
        await self._archive.orgs()  # raises if the archive is gone: nothing is made in its place
        path, started = self._database.path, self._clock.monotonic()
        was_there = path.exists()
        aside = path.with_name(f"{path.name}.damaged-{self._clock.now():%Y%m%dT%H%M%SZ}") if damaged else None
        while not await self._database.begin_new():
            with suppress(Lost):  # then it is our turn, if nobody was quicker once more
                await self._database.open(read_only=False)
                return await self._database.run(filling.count)
        try:
            count = await self._fill()
        except BaseException:
            await self._database.abandon_new()
            raise
        await self._database.install(aside=aside)
        if count or was_there:  # the first start of all is no news
            self._tell(events.CatalogRebuilt(reason, count, self._clock.monotonic() - started))
        return count

    async def _fill(self) -> int:
        """Take in every manifest, then every journal; return the number of snapshots."""
        count = 0
        batch: list[FoundSnapshot] = []
        async for found in self._archive.snapshots():
            batch.append(found)
            if len(batch) == _BATCH:
                count += await self._put_found(batch)
                batch = []
        count += await self._put_found(batch)
        orgs = await self._archive.orgs()
        for org in orgs:
            await self._level(org, await self._journals(org), sealed=False)
        await self._seal(orgs)
        return count

    async def _seal(self, orgs: Iterable[str]) -> None:
        for table in ("snapshots", "jobs"):
            after: sealing.Key | None = ("", "", "")
            while after is not None:
                after = await self._database.run(partial(sealing.seal_next, table=table, after=after, limit=_BATCH))
        for org in orgs:
            await self._database.run(partial(sealing.seal_org, org=org))

    async def _put_found(self, batch: Sequence[FoundSnapshot]) -> int:
        await self._database.run(lambda db: filling.put_found(db, batch, self._clock.now()))
        return len(batch)

    async def _is_level(self, org: str) -> bool:
        read_to, head = await self._database.run(lambda db: filling.position(db, org))
        journal = await self._journals(org)
        return (read_to, head) == (journal.size, journal.head)

    async def _follow(self, org: str, journal: JournalView) -> None:
        if not await self._level(org, journal):
            await self._rebuild(f"the journal of {org} is not the one it was made from")

    async def _level(self, org: str, journal: JournalView, *, sealed: bool = True) -> bool:
        """Take in the lines that follow; False if the journal does not go on from what was taken in before."""
        start, previous = 0, ""  # a catalog that is being filled has no seals yet, and nothing of the journal
        if sealed:
            start, previous = await self._database.run(lambda db: filling.position(db, org))
        if start > journal.size or (start == journal.size and previous != journal.head):
            self.strayed.add(org)
            return False
        known = start
        while start < journal.size and (lines := await journal.batch(start, previous, _BATCH)):
            if start == known > 0 and lines[0].problem is not None:
                self.strayed.add(org)
                return False
            await self._take_in(org, lines, sealed=sealed)
            start, previous = lines[-1].end, lines[-1].sha256
        return True

    async def _take_in(self, org: str, lines: tuple[JournalLine, ...], *, sealed: bool) -> None:
        for line in lines:
            if line.problem is not None:
                self._tell(events.JournalDamaged(org, f"byte {line.start}: {line.problem}"))
        needed = await self._database.run(lambda db: filling.snapshots_needed(db, org, lines))
        found = {path: await self._archive.look(path) for path in needed}
        await self._database.run(lambda db: filling.put_lines(db, org, lines, found, sealed=sealed))
