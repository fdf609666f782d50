"""What happens, said once: each event is a frozen, flat value with a name; log, progress, metrics and page listen.

`name` is the log name (`file.resumed`), `level` its weight, and the fields are what a listener may show: no URL, no
token, nothing out of a record. `org` comes first wherever there is one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

Level = Literal["debug", "info", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    name: ClassVar[str]
    level: ClassVar[Level] = "info"


Tell = Callable[[Event], None]
"""Say that something happened. Never raises, never blocks."""


@dataclass(frozen=True, slots=True)
class CycleStarted(Event):
    name = "cycle.started"
    org: str


@dataclass(frozen=True, slots=True)
class CycleFinished(Event):
    """A cycle ended; `result` is `archived`, `nothing_new` or an error's kind, and only status 0 means success."""

    name = "cycle.finished"
    org: str
    result: str
    exit_status: int
    jobs: int  # snapshots published or revised
    files: int
    size: int  # bytes of those files
    seconds: float
    journal_head: str  # sha256 of the journal's last line: kept elsewhere, it shows tampering


@dataclass(frozen=True, slots=True)
class StepFailed(Event):
    """A part of a cycle failed; what could go on went on."""

    name = "cycle.step_failed"
    level = "error"
    org: str
    step: str
    kind: str
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class CycleFailed(Event):
    """A cycle could not begin or broke off; the next one tries again."""

    name = "cycle.failed"
    level = "error"
    org: str
    kind: str
    exit_status: int
    reason: str
    advice: str
    fault: Exception | None = None  # what nobody foresaw; listeners may show its traceback


@dataclass(frozen=True, slots=True)
class JobFound(Event):
    name = "job.found"
    org: str
    job_id: str
    files: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LinksAppeared(Event):
    """Links appeared later for a job that is already known."""

    name = "job.links_appeared"
    org: str
    job_id: str
    files: int


@dataclass(frozen=True, slots=True)
class ExpiryChanged(Event):
    name = "job.expiry_changed"
    org: str
    job_id: str
    before: datetime
    after: datetime


@dataclass(frozen=True, slots=True)
class JobIdentityGuessed(Event):
    """The link paths are of a form we do not know, so the job is called by a digest of them."""

    name = "job.identity_guessed"
    level = "warning"
    org: str
    job_id: str
    files: int


@dataclass(frozen=True, slots=True)
class LinkWasRefused(Event):
    name = "link.refused"
    level = "error"
    org: str
    job_id: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class JobPublished(Event):
    name = "job.published"
    org: str
    job_id: str
    path: str  # of the snapshot, relative to the archive root
    files: int
    size: int
    seconds: float
    missing: int = 0  # files that could not be had before the links died: the snapshot is partial


@dataclass(frozen=True, slots=True)
class JobRevised(Event):
    """Files were added to a published snapshot."""

    name = "job.revised"
    org: str
    job_id: str
    path: str
    revision: int
    files: int  # added
    size: int  # bytes added


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


@dataclass(frozen=True, slots=True)
class JobIncomplete(Event):
    """Some files of a job are not there yet; they are tried again until the links expire."""

    name = "job.incomplete"
    level = "error"
    org: str
    job_id: str
    files: int
    missing: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class JobWasMissed(Event):
    """The links of a job expired before all its files were archived; told once."""

    name = "job.missed"
    level = "error"
    org: str
    job_id: str
    files: int
    saved: int
    expired_at: datetime
    left_in: str = ""  # relative to the archive root: where what was saved and not published lies, for a while


@dataclass(frozen=True, slots=True)
class DeadlineNear(Event):
    """The links of a job that is not complete die within `step` hours; told once a step."""

    name = "job.deadline_near"
    level = "error"
    org: str
    job_id: str
    step: int  # hours: 72, 24, 6 or 1
    expires_at: datetime
    left: float  # seconds
    needed: float | None  # seconds, going on as now; None: nobody can say
    missing: int  # files


@dataclass(frozen=True, slots=True)
class RunFailed(Event):
    """The vendor's history tells of a backup that failed there; told once."""

    name = "vendor.run_failed"
    level = "error"
    org: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class HistoryReconciled(Event):
    """The vendor's history was read to its end and compared with the archive."""

    name = "vendor.reconciled"
    org: str
    entries: int
    new: int
    gaps: int


@dataclass(frozen=True, slots=True)
class AlarmWasRaised(Event):
    """Something is wrong for longer than a moment."""

    name = "alarm.raised"
    level = "error"
    org: str
    key: str  # one alarm, such as `disk_full` or `job_missed/<job id>`
    condition: str
    text: str
    advice: str
    extent: int = 1  # grows when it gets worse


@dataclass(frozen=True, slots=True)
class AlarmWasRepeated(Event):
    """It is still wrong, or worse; at most once a day unless it gets worse."""

    name = "alarm.repeated"
    level = "error"
    org: str
    key: str
    condition: str
    text: str
    advice: str
    extent: int = 1  # grows when it gets worse


@dataclass(frozen=True, slots=True)
class AlarmWasCleared(Event):
    """It is over."""

    name = "alarm.cleared"
    org: str
    key: str
    condition: str
    text: str  # what was wrong


@dataclass(frozen=True, slots=True)
class FileStarted(Event):
    name = "file.started"
    org: str
    job_id: str
    file: str


@dataclass(frozen=True, slots=True)
class FileProgress(Event):
    """How far one file is; at most twice a second a file."""

    name = "file.progress"
    level = "debug"
    org: str
    job_id: str
    file: str
    received: int  # bytes in hand, resumed ones included
    total: int | None
    resumed: int
    rate: float  # bytes a second, lately
    left: float | None = None  # seconds to go at this rate, if the end is known


@dataclass(frozen=True, slots=True)
class FileResumed(Event):
    name = "file.resumed"
    org: str
    job_id: str
    file: str
    offset: int


@dataclass(frozen=True, slots=True)
class FileRestarted(Event):
    """What was in hand cannot be continued; the file is fetched from its first byte."""

    name = "file.restarted"
    level = "warning"
    org: str
    job_id: str
    file: str
    reason: str
    dropped: int  # bytes


@dataclass(frozen=True, slots=True)
class FileRetrying(Event):
    name = "file.retrying"
    level = "warning"
    org: str
    job_id: str
    file: str
    reason: str
    attempt: int
    wait: float  # seconds


@dataclass(frozen=True, slots=True)
class FileVerified(Event):
    name = "file.verified"
    org: str
    job_id: str
    file: str
    size: int
    members: int
    sha256: str
    attempts: int
    resumed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class FileRejected(Event):
    """A zip failed its check and was put aside; it is fetched again from zero at `retry_at`."""

    name = "file.rejected"
    level = "error"
    org: str
    job_id: str
    file: str
    reason: str
    rejections: int
    retry_at: datetime


@dataclass(frozen=True, slots=True)
class FileFailed(Event):
    name = "file.failed"
    level = "error"
    org: str
    job_id: str
    file: str
    kind: str
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class DownloadsPaused(Event):
    """The file server asked for a pause; all downloads wait."""

    name = "downloads.paused"
    level = "warning"
    seconds: float  # that we wait
    reason: str
    asked: float  # seconds that it asked for


@dataclass(frozen=True, slots=True)
class CallRetrying(Event):
    name = "vendor.retrying"
    level = "warning"
    org: str
    call: str
    reason: str
    attempt: int
    wait: float


@dataclass(frozen=True, slots=True)
class TokenRenewed(Event):
    name = "token.renewed"
    org: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenPaused(Event):
    """The token endpoint throttles; it is not asked again before `until`."""

    name = "token.throttled"
    level = "warning"
    org: str
    until: datetime


@dataclass(frozen=True, slots=True)
class TokenNotKept(Event):
    """The access token, or a throttle, could not be written to disk; it works, but the next run does not know of it."""

    name = "token.not_kept"
    level = "warning"
    org: str
    reason: str


@dataclass(frozen=True, slots=True)
class ApiDomainDiffers(Event):
    """The token answer names another API host than the one in use, which stays in use."""

    name = "vendor.api_domain_differs"
    level = "warning"
    org: str
    in_use: str
    answered: str


@dataclass(frozen=True, slots=True)
class HistoryUnavailable(Event):
    """The vendor's history could not be read; when a backup was taken is then known less exactly."""

    name = "vendor.history_unavailable"
    level = "warning"
    org: str
    reason: str


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


@dataclass(frozen=True, slots=True)
class ServiceStarted(Event):
    name = "service.started"
    version: str
    orgs: int
    every: float  # seconds between polls


@dataclass(frozen=True, slots=True)
class ServiceStopping(Event):
    name = "service.stopping"
    reason: str


@dataclass(frozen=True, slots=True)
class ServiceFailed(Event):
    """The program could not start, or broke off as a whole; what concerns one org is told by its cycle."""

    name = "service.failed"
    level = "error"
    kind: str
    exit_status: int
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class SettingsReloaded(Event):
    name = "settings.reloaded"
    orgs: int


@dataclass(frozen=True, slots=True)
class SettingsKept(Event):
    """The new settings are wrong; the old ones stay in force."""

    name = "settings.kept"
    level = "error"
    reason: str


@dataclass(frozen=True, slots=True)
class ClockJumped(Event):
    name = "clock.jumped"
    level = "warning"
    seconds: float  # wall time minus running time


@dataclass(frozen=True, slots=True)
class PageServed(Event):
    """The status page can be reached there."""

    name = "page.listening"
    address: str


@dataclass(frozen=True, slots=True)
class PageUnavailable(Event):
    """The status page cannot be served there; archiving goes on without it."""

    name = "page.unavailable"
    level = "warning"
    address: str
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class MetricsNotWritten(Event):
    """The metrics of a single run could not be left for their collector; what was archived is not touched by it."""

    name = "metrics.not_written"
    level = "warning"
    reason: str
    advice: str


@dataclass(frozen=True, slots=True)
class NotifyFailed(Event):
    """A message or a heartbeat could not be delivered; told once an hour at most. Archiving goes on."""

    name = "notify.failed"
    level = "warning"
    channel: str  # `messages`, `heartbeat`, or `outbox` for what was left at the end
    org: str  # whose heartbeat; empty for messages
    reason: str
    failures: int  # since this was last told
