"""What a cycle needs from the world: small promises, each kept by an adapter that the others do not know.

`zoho` keeps `Vendor`, `download` keeps `Downloads`, `archive` keeps `Archive` and `Staging`; `journal` and
`catalog` keep their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import PurePosixPath

    from backupd.core.alarms import Alarms
    from backupd.core.errors import ZipRejected
    from backupd.core.facts import Fact
    from backupd.core.listing import MissedJob
    from backupd.core.manifest import Manifest, ManifestFile
    from backupd.core.model import FileId, HistoryEntry, JobId, Link, Offers, Received, Schedule, Taken
    from backupd.core.reconcile import KnownJob
    from backupd.core.records import (
        ArchivedJob,
        Chronicle,
        DamagedJob,
        FoundSnapshot,
        JournalLine,
        PublishedSnapshot,
        Rejection,
        RememberedOffer,
    )
    from backupd.core.slot import Slot


class Vendor(Protocol):
    """The vendor, asked with one org's credentials. Every method raises VendorError."""

    async def schedule(self) -> Schedule | None:
        """Return the standing order, or None if nothing was ever scheduled."""

    async def offers(self) -> Offers:
        """Return the links that the vendor shows now; usually those of one job, often none."""

    def refusal(self, link: Link) -> str | None:
        """Say why a link must not be followed as the settings are today, or return None if it may. Asks nobody."""

    def history(self) -> AsyncIterator[HistoryEntry]:
        """Yield the vendor's history, newest first; pages are fetched as they are needed."""


class Downloads(Protocol):
    """The way of a file from its link into staging."""

    async def fetch(self, link: Link, slot: Slot, *, deadline: datetime) -> Received:
        """Leave the complete, hashed, checked and fsynced file at `slot.part`, or raise; resume what is there.

        Raises ZipRejected (the bytes came, but are no whole zip), another FileError, VendorError or ArchiveError.
        """


class Claim(Protocol):
    """What one file on its way still wants of the disk; others leave it to this one."""

    async def require(self, wanted: int) -> None:
        """Return if so many more bytes fit beside what others claim, and the reserve stays free: they are claimed then.

        Raises ArchiveFull, or ArchiveError; what was claimed before stays so.
        """

    def still(self, wanted: int) -> None:
        """Claim no more than that."""

    def release(self) -> None:
        """Claim nothing any more."""


class Room(Protocol):
    """The free space of the archive's disk, shared by all who write to it."""

    def claim(self) -> Claim:
        """Give a file its claim, of nothing yet."""


class Staging(Protocol):
    """One job, growing. Survives a crash at any instruction. Every method raises ArchiveError."""

    @property
    def job(self) -> JobId:
        """The job that grows here."""

    def whole(self) -> Mapping[FileId, ManifestFile]:
        """Return the files that are complete and accepted."""

    def slot(self, file: FileId) -> Slot:
        """Return where a file grows."""

    def rejection(self, file: FileId) -> Rejection | None:
        """Return how often the file was rejected, counted over restarts."""

    async def accept(self, received: Received) -> ManifestFile:
        """Take the file out of its slot; from now on it is whole."""

    async def reject(self, file: FileId, error: ZipRejected) -> Rejection:
        """Put the file in its slot aside, as the newest rejected copy, and count."""

    async def publish(
        self, *, taken: Taken, expires_at: datetime, schedule: Schedule | None, missing: Collection[FileId] = ()
    ) -> PublishedSnapshot:
        """Make the snapshot exist, or add the new files to it: this is the commit. Needs at least one whole file.

        `missing`: files of the job that can never be had; they make the snapshot a partial one.
        """

    async def finished(self) -> PublishedSnapshot | None:
        """Return what was published from here if a crash came between publishing and discarding."""

    async def go_on(self) -> None:
        """Let go of what was published, and keep growing what is not whole yet."""

    async def discard(self) -> None:
        """Remove what publishing left; rejected copies stay."""


class Archive(Protocol):
    """The folder of snapshots. Every method raises ArchiveError."""

    def lock(self, org: str, *, what: str) -> AbstractAsyncContextManager[None]:
        """Be the one writer of an org; parts of one process wait for each other.

        Raises ArchiveBusy at once, saying who it is, if another process is.
        """

    async def stage(
        self, org: str, job: JobId, *, expires_at: datetime, first_seen_at: datetime, into: PurePosixPath | None
    ) -> Staging:
        """Open the job's staging, or go on in it; `into` is its published snapshot, if there is one."""

    async def staged(self, org: str) -> tuple[Staging, ...]:
        """Return what lies in staging now."""

    async def read(self, path: PurePosixPath) -> Manifest:
        """Read a snapshot's manifest. Raises RecordDamaged."""

    async def look(self, path: PurePosixPath) -> FoundSnapshot:
        """Look at one snapshot; a damaged record is told, not raised."""

    async def find(self, org: str, job: JobId, *, near: datetime) -> FoundSnapshot | None:
        """Look on the disk for a job's snapshot, taken about then; None if there is none that can be read."""


class Journal(Protocol):
    """The append-only facts of one org."""

    @property
    def head(self) -> str:
        """The sha256 of the last line; empty for an empty journal."""

    async def append(self, *facts: Fact) -> tuple[JournalLine, ...]:
        """Add facts, fsynced together. Raises ArchiveError, and then none was added."""


class Watched(Protocol):
    """What the watch over an org asks of the catalog."""

    async def chronicle(self, org: str) -> Chronicle:
        """Return the times that tell whether something is overdue."""

    async def alarms(self, org: str) -> Alarms:
        """Return the alarms that stand, the oldest first."""

    async def alarmed(self, org: str, condition: str) -> frozenset[str]:
        """Return the keys of all alarms of this condition that were ever raised."""

    async def missed_untold(self, org: str) -> tuple[MissedJob, ...]:
        """Return the jobs that were given up, and of which no alarm was raised since."""

    async def damaged(self, org: str) -> tuple[DamagedJob, ...]:
        """Return the snapshots that were found damaged."""

    async def known_jobs(self, org: str, *, since: datetime | None = None) -> tuple[KnownJob, ...]:
        """Return every job that was ever seen or archived, or was first seen since then, with what became of it."""


class Catalog(Protocol):
    """The index over manifests and journals. Whatever it answers can be rebuilt from them."""

    async def rebuild(self, reason: str) -> int:
        """Make the catalog anew from manifests and journals; return the number of snapshots."""

    async def record(
        self, org: str, lines: tuple[JournalLine, ...], published: PublishedSnapshot | None = None
    ) -> None:
        """Take in new lines of the org's journal; a Published or Revised line comes with its snapshot."""

    async def archived(self, org: str, jobs: Collection[JobId]) -> Mapping[JobId, ArchivedJob]:
        """Return what is archived of these jobs."""

    async def remembered(self, org: str, jobs: Collection[JobId]) -> Mapping[JobId, RememberedOffer]:
        """Return the links once seen of these jobs."""

    async def pending(self, org: str) -> tuple[RememberedOffer, ...]:
        """Return the jobs with links that are neither archived nor given up."""

    async def curable(self, org: str, now: datetime) -> tuple[RememberedOffer, ...]:
        """Return the jobs whose snapshot has damaged files while their links live."""

    async def pinned(self, org: str) -> str | None:
        """Return the zgid that the org was pinned to at first sight."""

    async def history(self, org: str) -> tuple[HistoryEntry, ...]:
        """Return the vendor's history as far as it was seen, newest first."""

    @property
    def watched(self) -> Watched:
        """What the watch over an org asks."""
