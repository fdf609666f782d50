"""A file on its way into the archive."""

from dataclasses import dataclass
from datetime import datetime

from backupd.core.events import Event


@dataclass(frozen=True, slots=True)
class FileStarted(Event):
    """The first byte of a file is asked for, or the first one that is not there yet."""

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
    """A file goes on behind what was there already."""

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
    """A try at a file failed; the next one comes after `wait`."""

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
    """A file came whole and passed its check."""

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
    """A file could not be had in this cycle."""

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
