"""What archive, journal and catalog tell each other through the cycle: values that more than one of them names."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath

from backupd.core.deadlines import Told
from backupd.core.errors import RecordDamaged
from backupd.core.facts import Fact, Healed, Published, Revised
from backupd.core.manifest import Manifest
from backupd.core.model import FileId, JobId, Offer


@dataclass(frozen=True, slots=True)
class Rejection:
    """How often a file's zip was rejected, and when it may be fetched from zero again."""

    count: int
    last_at: datetime
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class PublishedSnapshot:
    """A snapshot as it lies in the archive after one publishing or revising."""

    path: PurePosixPath  # relative to the archive root
    manifest: Manifest
    manifest_sha256: str
    added: tuple[FileId, ...]  # by this publishing; all files when it was the first
    healed: tuple[FileId, ...] = ()  # those of them that took the place of damaged ones

    @property
    def fact(self) -> Published | Revised | Healed:
        """The line of the journal that tells of it."""
        manifest = self.manifest
        job, path, revision, digest = manifest.job, str(self.path), manifest.revision, self.manifest_sha256
        if self.healed:
            return Healed(job, path, revision, digest, self.healed)
        return (Published if revision == 1 else Revised)(job, path, revision, digest)

    @property
    def added_size(self) -> int:
        """Bytes of the files that this publishing added."""
        return sum(entry.received.size for entry in self.manifest.files if entry.file in self.added)


@dataclass(frozen=True, slots=True)
class FoundSnapshot:
    """A snapshot's folder as a scan of the archive finds it."""

    path: PurePosixPath  # relative to the archive root
    record: Manifest | RecordDamaged
    manifest_sha256: str  # of the bytes that are there; empty if none could be read


@dataclass(frozen=True, slots=True)
class Dropping:
    """A snapshot that goes: decided by these rules, at this moment."""

    path: PurePosixPath  # relative to the archive root
    job: JobId
    revision: int
    manifest_sha256: str
    rules: tuple[str, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One line of a journal as it stands on disk. `fact` is None for a kind this version does not know."""

    at: datetime
    fact: Fact | None
    start: int  # offsets of the line in the file, its newline included
    end: int
    sha256: str  # of the line's bytes without the newline: the next line's `previous`
    problem: str | None = None  # why it is not the line that was written there, if so; `at` is then a guess


@dataclass(frozen=True, slots=True)
class RememberedOffer:
    """Links once seen, out of the journal: every link of the job, its latest expiry, and whether it was given up."""

    offer: Offer
    first_seen_at: datetime
    missed: bool  # its links expired, unarchived, and that was told
    told: Told | None = None  # the last step of its deadline that was told


@dataclass(frozen=True, slots=True)
class ArchivedJob:
    """What the catalog knows of one archived job."""

    path: PurePosixPath
    revision: int
    manifest_sha256: str
    files: frozenset[FileId]
    damaged: frozenset[FileId] = frozenset()  # of these files, as their last reading found
    recorded_revision: int = 0  # that the journal tells of; 0: it tells of none

    @property
    def is_unreadable(self) -> bool:
        """Whether its manifest was never read by this catalog: that it should be there is all that is known."""
        return self.revision == 0


@dataclass(frozen=True, slots=True)
class Chronicle:
    """When an org's records began, and when things last happened; None: never."""

    began_at: datetime | None = None  # the first line of the journal
    reconciled_at: datetime | None = None  # the vendor's history was read to its end
    new_job_at: datetime | None = None  # the newest job was first seen


@dataclass(frozen=True, slots=True)
class DamagedJob:
    """A job whose snapshot was not as recorded when it was last read."""

    job: JobId
    files: int
    expires_at: datetime  # of the links that could heal it
    curable: bool = True  # False: more than files that could be fetched again is not as recorded, or is gone
