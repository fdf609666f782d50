"""What the archive goes through after the day of a snapshot: damage, healing, dropping, chores."""

from dataclasses import dataclass

from backupd.core.events import Event


@dataclass(frozen=True, slots=True)
class FileDamaged(Event):
    """An archived file is not what was archived; it is fetched again if its link still lives."""

    name = "file.damaged"
    level = "error"
    org: str
    job_id: str
    path: str  # of the snapshot, relative to the archive root
    file: str  # within the snapshot
    reason: str


@dataclass(frozen=True, slots=True)
class FileUnreadable(Event):
    """An archived file could not be read to its end: nothing is known of it; it is read again later."""

    name = "file.unreadable"
    level = "warning"
    org: str
    job_id: str
    path: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class SnapshotHealed(Event):
    """Whole files took the place of damaged ones, which lie in the trash."""

    name = "snapshot.healed"
    org: str
    job_id: str
    path: str
    revision: int
    files: int  # that took a damaged one's place


@dataclass(frozen=True, slots=True)
class SnapshotDropped(Event):
    """A snapshot was taken out of the archive by rule; it lies in the trash for a while."""

    name = "snapshot.dropped"
    org: str
    job_id: str
    path: str
    rules: str  # that did not keep it


@dataclass(frozen=True, slots=True)
class TrashEmptied(Event):
    """What lay in the trash for its time was deleted."""

    name = "trash.emptied"
    org: str
    entries: int


@dataclass(frozen=True, slots=True)
class StagingCleared(Event):
    """What was received of a missed job, and left in staging for a while, is removed."""

    name = "staging.cleared"
    org: str
    job_id: str
    path: str  # relative to the archive root


@dataclass(frozen=True, slots=True)
class PruningRefused(Event):
    """Something looks wrong, so that no snapshot is dropped."""

    name = "prune.refused"
    level = "warning"
    org: str
    reason: str


@dataclass(frozen=True, slots=True)
class ScrubFinished(Event):
    """A part of the archive was read again."""

    name = "scrub.finished"
    org: str
    files: int
    size: int
    damaged: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ChoreFailed(Event):
    """Something that the daemon does beside the cycles failed; it is tried again at its next time."""

    name = "chore.failed"
    level = "error"
    org: str
    chore: str
    kind: str
    reason: str
    advice: str
