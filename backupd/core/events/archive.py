"""The archive as a whole: its disk, its journal, its catalog."""

from dataclasses import dataclass

from backupd.core.events import Event


@dataclass(frozen=True, slots=True)
class ArchiveLost(Event):
    """The archive is not where it was; told at once, and daily for as long as that lasts."""

    name = "archive.lost"
    level = "error"
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class ArchiveFound(Event):
    """The archive that was gone is there again."""

    name = "archive.found"
    root: str
    seconds: float  # how long it was gone, as far as was seen


@dataclass(frozen=True, slots=True)
class CatalogRebuilt(Event):
    """The catalog was made anew from manifests and journals."""

    name = "catalog.rebuilt"
    level = "warning"
    reason: str
    snapshots: int
    seconds: float


@dataclass(frozen=True, slots=True)
class JournalMended(Event):
    """A crash left the journal torn or short; it was cut or completed."""

    name = "journal.mended"
    level = "warning"
    org: str
    action: str  # `cut` or `appended`
    detail: str


@dataclass(frozen=True, slots=True)
class JournalDamaged(Event):
    """A line of the journal is not what was written there; it was passed over, or taken with a doubt."""

    name = "journal.damaged"
    level = "error"
    org: str
    detail: str


@dataclass(frozen=True, slots=True)
class WorkFinishedLater(Event):
    """A step that a crash left half-done was finished at the next start."""

    name = "archive.recovered"
    level = "warning"
    org: str
    job_id: str
    step: str
