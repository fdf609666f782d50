"""The archive's root: made ready, locked an org at a time, and the door to staging and to what is published."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path, PurePosixPath

from backupd.archive import leftovers, reading, trash
from backupd.archive.disk import PRIVATE_FILE, PRIVATE_FOLDER, in_thread, make_folder, make_folders, put, remove
from backupd.archive.growth import JOB, MISSED, SCRATCH, Growth, growth_to_json
from backupd.archive.locking import hold
from backupd.archive.root import is_mount_point, mount_point
from backupd.archive.staging import Staging, discard, growth_of, read_intention
from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.diskerrors import archive_error
from backupd.core.errors import ArchiveError, ArchiveFull, ArchiveGone, ArchiveUnusable
from backupd.core.manifest import Manifest
from backupd.core.model import JobId
from backupd.core.names import STAGING, STATE, TRASH, staging_path
from backupd.core.records import Dropping, FoundSnapshot

_BATCH = 256  # snapshots read in one go while scanning
_TOLD_AGAIN = 86_400.0  # seconds after which it is told again that the archive is gone


@dataclass(slots=True)
class _Gone:
    """That the archive is not there: since when (of the running clock), and when that was told last."""

    since: float
    told_at: float | None = None


class Archive:
    """The folder of snapshots. Blocking work is done in threads; every method raises ArchiveError."""

    def __init__(
        self, root: Path, *, clock: Clock, tell: events.Tell, tool_version: str, require_mount: bool = False
    ) -> None:
        self.root = root
        self._clock = clock
        self._tell = tell
        self._tool_version = tool_version
        self._require_mount = require_mount
        self._mounted_at: Path | None = None  # of the disk that was made ready; None: nothing was
        self._gone: _Gone | None = None
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # by org, within this process

    async def prepare(self) -> None:
        """Check that the root can be used, and make our own folders in it. Raises ArchiveUnusable."""
        await in_thread(self.root, self._prepare)

    @asynccontextmanager
    async def lock(self, org: str, *, what: str) -> AsyncIterator[None]:
        """Be the one writer of an org; parts of this process wait for each other.

        Raises ArchiveBusy at once, saying who it is, if another process is. Raises ArchiveGone, and makes nothing, if
        the archive is not there any more: its disk may be gone, and what lies below where it was mounted is none.
        """
        await self._look_for_root()
        async with self._turns[org], hold(self.root / STATE, org, what=what, clock=self._clock):
            yield

    async def stage(
        self, org: str, job: JobId, *, expires_at: datetime, first_seen_at: datetime, into: PurePosixPath | None
    ) -> Staging:
        """Open the job's staging, or go on in it; `into` is its published snapshot, if there is one."""
        growth = Growth(org, job, expires_at, first_seen_at, into)
        staging, finished = await in_thread(self.root, lambda: self._stage(growth))
        self._tell_finished(org, job, finished)
        return staging

    async def staged(self, org: str) -> tuple[Staging, ...]:
        """Return what lies in staging now; a discarding that a crash cut short is finished on the way."""
        opened = await in_thread(self.root, lambda: self._staged(org))
        for staging, finished in opened:
            self._tell_finished(org, staging.job, finished)
        return tuple(staging for staging, _ in opened)

    async def read(self, path: PurePosixPath) -> Manifest:
        """Read a snapshot's manifest. Raises RecordDamaged."""
        return await reading.read(self.root, path)

    async def look(self, path: PurePosixPath) -> FoundSnapshot:
        """Look at one snapshot; a damaged record is told, not raised."""
        return await in_thread(self.root, lambda: reading.look(self.root, path))

    async def find(self, org: str, job: JobId, *, near: datetime) -> FoundSnapshot | None:
        """Look on the disk for a job's snapshot, taken about then; None if there is none that can be read."""
        return await in_thread(self.root, lambda: reading.find(self.root, org, job, near))

    async def count(self, org: str) -> int:
        """Count the folders of an org's snapshots."""
        return await in_thread(self.root, lambda: reading.count(self.root, org))

    async def is_being_published(self, org: str, job: JobId) -> bool:
        """Tell whether a crash came between the beginning of a publishing and its record."""
        return await in_thread(self.root, lambda: read_intention(self.root / staging_path(org, job)) is not None)

    async def orgs(self) -> tuple[str, ...]:
        """Return the names of all orgs that have a folder, configured or not.

        Raises ArchiveUnusable without a root, and ArchiveGone as `lock` does.
        """
        await self._look_for_root()
        return await in_thread(self.root, lambda: reading.orgs(self.root))

    async def snapshots(self, org: str | None = None) -> AsyncIterator[FoundSnapshot]:
        """Find every snapshot, of one org or of all, in order of their paths; a damaged record is told, not raised."""
        found = reading.scan(self.root, org)
        while batch := await in_thread(self.root, lambda: tuple(islice(found, _BATCH))):
            for snapshot in batch:
                yield snapshot

    async def drop(self, dropping: Dropping) -> None:
        """Take a snapshot out of the archive, into the trash. Use under the lock; then journal it, then `forget` it."""
        await in_thread(self.root, lambda: trash.drop(self.root, dropping))

    async def forget(self, dropping: Dropping) -> None:
        """Forget that a drop is to be journalled: it was."""
        await in_thread(self.root, lambda: trash.forget(self.root, dropping))

    async def dropped(self, org: str) -> tuple[Dropping, ...]:
        """Return the drops that a crash left done and perhaps not journalled. Use under the org's lock."""
        return await in_thread(self.root, lambda: trash.unfinished(self.root, org))

    async def empty_trash(self, org: str, *, before: datetime) -> int:
        """Remove for good what an org threw away before then; return how many things. Use under the org's lock."""
        return await in_thread(self.root, lambda: trash.empty(self.root, org, before))

    async def clear_missed(
        self, org: str, missed: Collection[JobId], *, now: datetime, before: datetime
    ) -> tuple[JobId, ...]:
        """Remove what is left in staging of missed jobs since before then; return these. Use under the org's lock."""
        return await in_thread(self.root, lambda: leftovers.clear(self.root, org, missed, now=now, before=before))

    async def _look_for_root(self) -> None:
        """Raise if the root is not there; tell it, and when it is back."""
        now = self._clock.monotonic()
        try:
            await in_thread(self.root, self._check_root)
        except ArchiveGone as error:
            self._gone = gone = self._gone or _Gone(now)
            if gone.told_at is None or now - gone.told_at >= _TOLD_AGAIN:
                gone.told_at = now
                self._tell(events.ArchiveLost(str(error), error.advice))
            raise
        if self._gone is not None:
            self._tell(events.ArchiveFound(str(self.root), now - self._gone.since))
            self._gone = None

    def _tell_finished(self, org: str, job: JobId, steps: tuple[str, ...]) -> None:
        for step in steps:
            self._tell(events.WorkFinishedLater(org, job.job, step))

    # --- in a thread ---------------------------------------------------------------------------------------------

    def _prepare(self) -> None:
        root = self.root
        self._check_root()
        if self._require_mount and not is_mount_point(root):
            raise ArchiveUnusable(f"{root}: the archive's root is not a mount point, as `archive.require_mount` asks")
        try:
            make_folders(root, (STAGING, TRASH, STATE), PRIVATE_FOLDER)
            with suppress(FileNotFoundError, FileExistsError):  # another backupd tries just now, which proves it too
                put(root / STATE / "writable", b"", mode=PRIVATE_FILE, scratch=root / STATE)
            remove(root / STATE / "writable")
        except OSError as error:
            refused = archive_error(root, error)
            if isinstance(refused, ArchiveFull):
                raise refused from error
            raise ArchiveUnusable(f"{root}: the archive cannot be written to: {error.strerror}") from error
        for name in (STAGING, TRASH):
            _check_one_file_system(root / name, root)
        self._mounted_at = mount_point(root)

    def _check_root(self) -> None:
        try:
            state = "there" if self.root.is_dir() else "not a folder" if self.root.exists() else "missing"
        except OSError as error:  # a name that is too long, a folder above it that is closed to us
            raise ArchiveUnusable(f"{self.root}: the archive's root cannot be reached: {error.strerror}") from error
        if self._mounted_at is not None and not self._is_still_there():
            raise ArchiveGone(f"{self.root}: the archive that was here is gone")
        if state != "there":
            raise ArchiveUnusable(f"{self.root}: the archive's root is {state}")

    def _is_still_there(self) -> bool:
        """Tell whether what was made ready is what lies here.

        Of another folder our own ones are missing, and one below where a disk was mounted lies on another mount. (A
        device's number is no sign: it may be another one when the disk comes back.)
        """
        return (self.root / STATE).is_dir() and mount_point(self.root) == self._mounted_at

    def _stage(self, growth: Growth) -> tuple[Staging, tuple[str, ...]]:
        folder = self.root / staging_path(growth.org, growth.job)
        make_folder(folder.parent, PRIVATE_FOLDER)
        published = self.root / growth.org
        _check_one_file_system(folder.parent, published if published.exists() else self.root)
        make_folder(folder, PRIVATE_FOLDER)
        if not (folder / JOB).exists():
            discard(folder)  # what is there has been published, and recorded
            make_folder(folder, PRIVATE_FOLDER)
        elif (before := growth_of(folder)) is not None and before.job != growth.job:
            raise ArchiveError(f"{folder}: it belongs to organisation {before.job.zgid}, not {growth.job.zgid}")
        remove(folder / MISSED)
        make_folder(folder / SCRATCH, PRIVATE_FOLDER)
        put(folder / JOB, growth_to_json(growth), mode=PRIVATE_FILE, scratch=folder / SCRATCH)
        return self._open(folder, growth)

    def _staged(self, org: str) -> tuple[tuple[Staging, tuple[str, ...]], ...]:
        parent = self.root / STAGING / org
        jobs = []
        for folder in sorted(parent.iterdir()) if parent.is_dir() else []:
            if not (folder / JOB).exists():
                discard(folder)
            elif (growth := growth_of(folder)) is not None:
                jobs.append(self._open(folder, growth))
        return tuple(jobs)

    def _open(self, folder: Path, growth: Growth) -> tuple[Staging, tuple[str, ...]]:
        staging = Staging(self.root, folder, growth, clock=self._clock, tool_version=self._tool_version)
        return staging, staging.load()


def _check_one_file_system(staging: Path, published: Path) -> None:
    if staging.stat().st_dev != published.stat().st_dev:
        raise ArchiveUnusable(
            f"{staging} and {published} lie on different file systems",
            advice="Keep the whole archive on one file system: a snapshot appears by one rename.",
        )
