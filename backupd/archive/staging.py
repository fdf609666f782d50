"""Where a job grows: slots for the downloader, what is whole, what was rejected, and the two ways out.

Whatever a crash leaves is put in order when the folder is opened again, and nothing that was whole is fetched twice.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from types import MappingProxyType

from backupd.archive.disk import (
    PRIVATE_FILE,
    PRIVATE_FOLDER,
    in_thread,
    make_folders,
    put,
    remove,
    remove_empty,
    remove_tree,
    sha256_of,
    sync_folder,
)
from backupd.archive.growth import (
    JOB,
    MISSED,
    PARTS,
    PUBLISHING,
    RECEIPTS,
    REJECTIONS,
    SCRATCH,
    TREE,
    Growth,
    Intention,
    growth_from_json,
    intention_from_json,
    intention_to_json,
    slot_in,
)
from backupd.archive.publishing import carry_out, damaged, published_at
from backupd.archive.receipts import Receipts
from backupd.archive.rejections import Rejections
from backupd.core.clock import Clock
from backupd.core.errors import RecordDamaged, ZipRejected
from backupd.core.manifest import ManifestFile
from backupd.core.model import FileId, JobId, Kind, Received, Schedule, Taken
from backupd.core.names import MANIFEST, snapshot_path
from backupd.core.records import PublishedSnapshot, Rejection
from backupd.core.revise import Circumstances, first, missing_from, revised
from backupd.core.slot import Slot


class Staging:
    """One job, growing. Use under the org's lock; one object a job at a time. Every method raises ArchiveError."""

    def __init__(self, root: Path, folder: Path, growth: Growth, *, clock: Clock, tool_version: str) -> None:
        self._root = root
        self._folder = folder
        self._growth = growth
        self._clock = clock
        self._tool_version = tool_version
        self._receipts = Receipts(folder)
        self._rejections = Rejections(folder)
        self._intention: Intention | None = None

    @property
    def job(self) -> JobId:
        """The job that grows here."""
        return self._growth.job

    @property
    def into(self) -> PurePosixPath | None:
        """The published snapshot that files are added to, if there is one."""
        return self._growth.into

    def whole(self) -> Mapping[FileId, ManifestFile]:
        """Return the files that are complete and accepted."""
        return MappingProxyType(self._receipts.whole)

    def slot(self, file: FileId) -> Slot:
        """Return where a file grows; the folder is there."""
        return slot_in(self._folder, file)

    def rejection(self, file: FileId) -> Rejection | None:
        """Return how often the file was rejected, counted over restarts."""
        return self._rejections.of(file)

    async def accept(self, received: Received) -> ManifestFile:
        """Take the file out of its slot; from now on it is whole, whatever happens."""
        entry = ManifestFile(received, verified_at=self._clock.now())
        await in_thread(self._folder, lambda: self._receipts.accept(entry))
        return self._receipts.whole[received.file]

    async def reject(self, file: FileId, error: ZipRejected) -> Rejection:
        """Put the file in its slot aside, as the newest rejected copy, and count."""
        at = self._clock.now()
        return await in_thread(self._folder, lambda: self._rejections.add(file, reason=error.reason, at=at))

    async def publish(
        self, *, taken: Taken, expires_at: datetime, schedule: Schedule | None, missing: Collection[FileId] = ()
    ) -> PublishedSnapshot:
        """Make the snapshot exist, or add the new files to it: this is the commit. Needs at least one whole file.

        `missing`: files of the job that can never be had; they make the snapshot a partial one.
        """
        growth = self._growth
        facts = Circumstances(
            growth.org,
            growth.job,
            taken,
            expires_at,
            growth.first_seen_at,
            schedule,
            self._tool_version,
            frozenset(missing),
        )
        return await in_thread(self._root, lambda: self._publish(facts))

    async def finished(self) -> PublishedSnapshot | None:
        """Return what was published from here if a crash came between publishing and discarding.

        A publishing that had only begun is carried out first: everything it needs is whole.
        """
        intention = self._intention
        if intention is None:
            return None
        return await in_thread(self._root, lambda: carry_out(self._root, self._folder, intention))

    async def go_on(self) -> None:
        """Let go of what was published, and keep growing what is not whole yet."""
        await in_thread(self._folder, self._go_on)

    async def discard(self) -> None:
        """Remove what publishing left; rejected copies stay."""
        await in_thread(self._folder, lambda: discard(self._folder))

    # --- in a thread ---------------------------------------------------------------------------------------------

    def load(self) -> tuple[str, ...]:
        """Make the folders, and put in order what a crash left; return the steps that it had cut. Raises OSError."""
        make_folders(self._folder, (TREE, PARTS, RECEIPTS, REJECTIONS, SCRATCH), PRIVATE_FOLDER)
        for name in (PARTS, RECEIPTS, REJECTIONS, SCRATCH):
            make_folders(self._folder / name, Kind, PRIVATE_FOLDER)
        self._intention = read_intention(self._folder)
        published = self._root / self._intention.path if self._intention else None
        return self._rejections.load() + self._receipts.load(published)

    def _publish(self, facts: Circumstances) -> PublishedSnapshot:
        began = carry_out(self._root, self._folder, self._intention) if self._intention else None
        path = began.path if began else self.into or snapshot_path(facts.org, facts.taken.at, facts.job)
        there = published_at(self._root, path, facts.job)
        if there is None:
            intention = self._first(path, facts)
        else:
            new = missing_from(there, self._receipts.whole.values())
            cures = damaged(self._root / path, there, self._receipts.in_hand(entry.file for entry in there.files))
            if not new and not cures:
                digest = sha256_of(self._root / path / MANIFEST)
                return PublishedSnapshot(path, there, digest, began.added if began else ())
            added, healed = tuple(entry.file for entry in (*new, *cures)), tuple(entry.file for entry in cures)
            intention = Intention(path, revised(there, facts, (*new, *cures)), added, healed)
        self._intend(intention)
        return carry_out(self._root, self._folder, intention)

    def _first(self, path: PurePosixPath, facts: Circumstances) -> Intention:
        if self.into is not None:
            raise RecordDamaged(f"{self._root / path}: the snapshot that files were to be added to is gone")
        manifest = first(facts, self._receipts.whole.values(), archived_at=self._clock.now())
        if not manifest.files:
            message = "there is no whole file to publish"
            raise ValueError(message)
        return Intention(path, manifest, tuple(entry.file for entry in manifest.files))

    def _go_on(self) -> None:
        remove(self._folder / PUBLISHING)
        sync_folder(self._folder)
        self._intention = None
        self._receipts = Receipts(self._folder)
        self._receipts.load(None)  # drops the receipts of what lies here no more

    def _intend(self, intention: Intention) -> None:
        text = intention_to_json(intention)
        put(self._folder / PUBLISHING, text, mode=PRIVATE_FILE, scratch=self._folder / SCRATCH)
        self._intention = intention


def read_intention(folder: Path) -> Intention | None:
    """Read what was about to be published from a staging folder, if anything was."""
    try:
        return intention_from_json((folder / PUBLISHING).read_bytes())
    except (FileNotFoundError, ValueError, KeyError, TypeError, RecursionError):
        return None


def growth_of(folder: Path) -> Growth | None:
    """Read what grows in a folder; None if its record is damaged: the journal's links will bring the job back."""
    try:
        return growth_from_json((folder / JOB).read_bytes())
    except (ValueError, KeyError, TypeError, RecursionError):
        pass
    intention = read_intention(folder)
    if intention is None:
        return None
    manifest = intention.manifest
    return Growth(manifest.org, manifest.job, manifest.expires_at, manifest.first_seen_at, None)


def discard(folder: Path) -> None:
    """Remove what is in a staging folder but the rejected copies. Begun, it is finished by the next `staged`."""
    for name in (TREE, PARTS, RECEIPTS, REJECTIONS, SCRATCH):
        remove_tree(folder / name)
    remove(folder / MISSED)
    remove(folder / JOB)  # from here on the folder is known to hold nothing of value but rejected copies
    sync_folder(folder)
    remove(folder / PUBLISHING)
    sync_folder(folder)
    remove_empty(folder)
