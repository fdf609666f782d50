"""What is archived, and what was missed, as lists show it. The catalog answers with these; no file is touched."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import NamedTuple

from backupd.core.model import FileId, JobId, Taken, TakenBasis


class SnapshotRow(NamedTuple):
    """One snapshot in a list. There may be very many: a flat tuple, with instants that are read when asked for."""

    org: str
    zgid: str
    job_id: str
    place: str  # its folder, relative to the archive root
    taken_text: str  # each text of an instant is RFC 3339, in UTC, with microseconds
    taken_basis: str  # one of TakenBasis
    first_seen_text: str
    archived_text: str
    revision: int
    files: int
    size: int  # bytes of all files
    manifest_sha256: str
    problem: str | None  # why its manifest cannot be read, if so; the other fields are then guesses
    scrubbed_text: str | None  # when it was last read again
    damaged: int  # files that were not as recorded then
    missing: int  # files of the job that could not be had: it is partial
    unread: int  # files that could not be read to their end when that was last tried

    @property
    def job(self) -> JobId:
        """The job that it is of."""
        return JobId(self.zgid, self.job_id)

    @property
    def taken_at(self) -> datetime:
        """When the backup was taken."""
        return datetime.fromisoformat(self.taken_text)

    @property
    def taken(self) -> Taken:
        """When the backup was taken, and how we know."""
        return Taken(self.taken_at, TakenBasis(self.taken_basis))

    @property
    def first_seen_at(self) -> datetime:
        """When the vendor was first seen to offer it."""
        return datetime.fromisoformat(self.first_seen_text)

    @property
    def archived_at(self) -> datetime:
        """When its files were complete."""
        return datetime.fromisoformat(self.archived_text)

    @property
    def scrubbed_at(self) -> datetime | None:
        """When it was last read again."""
        return None if self.scrubbed_text is None else datetime.fromisoformat(self.scrubbed_text)

    @property
    def path(self) -> PurePosixPath:
        """Its folder, relative to the archive root."""
        return PurePosixPath(self.place)

    @property
    def folder(self) -> str:
        """The folder's name, without the folders it lies in."""
        return self.place.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class FileRow:
    """One file of a snapshot."""

    file: FileId
    size: int
    sha256: str
    members: int
    unpacked_size: int
    verified_at: datetime
    read_at: datetime | None = None  # when it was last read to its end
    damaged: bool = False  # it was not as recorded then


@dataclass(frozen=True, slots=True)
class OrgTotals:
    """What is archived of one org."""

    org: str
    snapshots: int
    files: int
    size: int  # bytes
    damaged: int  # snapshots with damage or without a readable manifest
    newest_taken_at: datetime
    newest_archived_at: datetime


@dataclass(frozen=True, slots=True)
class MissedJob:
    """A job whose links expired before all of it was archived."""

    org: str
    job: JobId
    first_seen_at: datetime
    expired_at: datetime
    files: int
    saved: int


@dataclass(frozen=True, slots=True)
class Hold:
    """A snapshot that a person wants kept."""

    org: str
    job: JobId
    path: PurePosixPath | None  # None: there is no snapshot of the job
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class DroppedJob:
    """A job whose snapshot was taken out of the archive by rule."""

    job: JobId
    path: PurePosixPath  # where it was
    first_seen_at: datetime
    expires_at: datetime
    dropped_at: datetime


@dataclass(frozen=True, slots=True)
class LastRead:
    """A file, and when it was last read to its end."""

    snapshot: PurePosixPath
    job: JobId
    file: FileId
    size: int
    read_at: datetime
