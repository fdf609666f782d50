"""What the journal holds: the facts that no manifest holds, each a frozen value with a kind.

`core.chain` turns them into lines and back; an unknown kind is passed over, so that an older backupd
reads a newer journal.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from backupd.core.model import FileId, HistoryEntry, JobId, Link


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that must not be lost with the catalog."""

    kind: ClassVar[str]


@dataclass(frozen=True, slots=True)
class OrgPinned(Fact):
    """The vendor's id of the org, pinned at first sight."""

    kind = "org_pinned"
    zgid: str


@dataclass(frozen=True, slots=True)
class LinksSeen(Fact):
    """Links of a job seen for the first time (the job itself too, if it is new), or again with another expiry."""

    kind = "links_seen"
    job: JobId
    expires_at: datetime
    links: tuple[Link, ...]


@dataclass(frozen=True, slots=True)
class Published(Fact):
    """A snapshot exists."""

    kind = "published"
    job: JobId
    path: str  # relative to the archive root
    revision: int
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class Revised(Fact):
    """Files were added to a snapshot."""

    kind = "revised"
    job: JobId
    path: str
    revision: int
    manifest_sha256: str


@dataclass(frozen=True, slots=True)
class Missed(Fact):
    """A job's links expired before it was whole; `saved` files were in staging."""

    kind = "missed"
    job: JobId
    expired_at: datetime
    files: int
    saved: int


@dataclass(frozen=True, slots=True)
class HistorySeen(Fact):
    """An entry of the vendor's history, which the vendor forgets after a year."""

    kind = "history"
    entry: HistoryEntry


@dataclass(frozen=True, slots=True)
class Scrubbed(Fact):
    """A snapshot was read again; `damaged` names what was not as recorded (empty: all well)."""

    kind = "scrubbed"
    job: JobId
    files: int
    damaged: tuple[FileId, ...]
