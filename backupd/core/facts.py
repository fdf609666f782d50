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
class Began(Fact):
    """The archive of this org begins: the first line of a journal that has nothing else to say yet."""

    kind = "began"


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
class HistoryRead(Fact):
    """The vendor's history was read to its end; what was new in it stands in the lines before."""

    kind = "history_read"
    entries: int  # that the vendor still tells of


@dataclass(frozen=True, slots=True)
class DeadlineTold(Fact):
    """It was told that the links of a job which is not complete die within `step` seconds."""

    kind = "deadline_told"
    job: JobId
    expires_at: datetime
    step: int


@dataclass(frozen=True, slots=True)
class Scrubbed(Fact):
    """A snapshot was read again; `damaged` names the files that were not as recorded (empty: all well)."""

    kind = "scrubbed"
    job: JobId
    files: int
    damaged: tuple[FileId, ...]
    read: tuple[FileId, ...] | None = None  # the files that were read to their end; None: all of them
    other: tuple[str, ...] | None = None  # what else in its folder was not as it should be; None: not looked at
    unread: tuple[FileId, ...] = ()  # the files that could not be read to their end


@dataclass(frozen=True, slots=True)
class Healed(Fact):
    """Damaged files of a snapshot were replaced by whole ones, which made a new revision."""

    kind = "healed"
    job: JobId
    path: str
    revision: int
    manifest_sha256: str
    files: tuple[FileId, ...]


@dataclass(frozen=True, slots=True)
class Dropped(Fact):
    """A snapshot was taken out of the archive by rule; these were its last revision, and the rules that let it go."""

    kind = "dropped"
    job: JobId
    path: str
    revision: int
    manifest_sha256: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class HoldSet(Fact):
    """A person wants this job's snapshot kept, whatever the rules say."""

    kind = "hold_set"
    job: JobId
    reason: str


@dataclass(frozen=True, slots=True)
class HoldLifted(Fact):
    """The rules apply to this job's snapshot again."""

    kind = "hold_lifted"
    job: JobId


@dataclass(frozen=True, slots=True)
class AlarmRaised(Fact):
    """Something is wrong, and was told."""

    kind = "alarm_raised"
    key: str  # one alarm, such as `disk_full` or `job_missed/<job id>`
    condition: str
    text: str
    extent: int  # how much of it there is; what grows is told at once
    stays: bool  # until it is acknowledged


@dataclass(frozen=True, slots=True)
class AlarmTold(Fact):
    """It is still wrong, or worse, and was told again."""

    kind = "alarm_told"
    key: str
    text: str
    extent: int
    stays: bool


@dataclass(frozen=True, slots=True)
class AlarmAcknowledged(Fact):
    """A person knows of it: it is not told again, unless it gets worse, until it clears."""

    kind = "alarm_acknowledged"
    key: str


@dataclass(frozen=True, slots=True)
class AlarmCleared(Fact):
    """It is over, and that was told."""

    kind = "alarm_cleared"
    key: str
