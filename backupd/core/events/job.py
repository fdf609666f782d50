"""A job: found, published, or lost to its links' expiry."""

from dataclasses import dataclass
from datetime import datetime

from backupd.core.events import Event


@dataclass(frozen=True, slots=True)
class JobFound(Event):
    """The vendor offers a job that was not seen before."""

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
    """The vendor tells another end of the links of a job that is known."""

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
    """A link is not one that is followed; the others are."""

    name = "link.refused"
    level = "error"
    org: str
    job_id: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class JobPublished(Event):
    """A snapshot is in the archive."""

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
