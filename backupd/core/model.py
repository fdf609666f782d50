"""The words of the program as values: job, link, file, schedule, history, snapshot.

Everything is frozen and already checked; text from outside becomes one of these in `core.names` and `zoho.wire`, or is
refused there. Instants are aware datetimes in UTC; sizes are bytes. Holds no behaviour beyond what the values imply.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """What a zip holds; kinds live in folders of their own, since two kinds may use one file name."""

    DATA = "data"
    ATTACHMENTS = "attachments"


UNKNOWN_ZGID = "unknown"
"""Stands for the org's id at the vendor when the link path is of an unknown form; tells nothing of whose job it is."""


@dataclass(frozen=True, slots=True, order=True)
class JobId:
    """One run of the vendor's backup: (zgid, job id) out of the link path. Never `backup.id`."""

    zgid: str
    job: str

    def __str__(self) -> str:
        return self.job


@dataclass(frozen=True, slots=True, order=True)
class FileId:
    """One zip of a job, identified by kind and name within it; `name` is safe as a file name."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Link:
    """Where one file can be fetched. The URL may carry secrets, so no repr shows it."""

    job: JobId
    file: FileId
    url: str = field(repr=False)  # empty: it was refused, and not kept, since it might have held a secret


@dataclass(frozen=True, slots=True)
class Offer:
    """The links of one job as the vendor shows them, or as we remember them, with their expiry."""

    job: JobId
    links: tuple[Link, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefusedLink:
    """A link that must not be followed: which one, told without its text, and why. `job` is None if it told none."""

    job: JobId | None
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Offers:
    """One answer of `/backup/urls`: an offer a job (usually one, or none), and what was refused in it."""

    jobs: tuple[Offer, ...] = ()
    refused: tuple[RefusedLink, ...] = ()
    barred: tuple[Offer, ...] = ()  # of what was refused, the files that may be had once the operator allows their host

    @property
    def seen(self) -> tuple[Offer, ...]:
        """Each job once, with all its links, the barred ones too."""
        jobs = {offer.job: offer for offer in self.jobs}
        for offer in self.barred:
            known = jobs.get(offer.job)
            jobs[offer.job] = replace(known, links=known.links + offer.links) if known else offer
        return tuple(jobs.values())


@dataclass(frozen=True, slots=True)
class Schedule:
    """The vendor's standing order as `GET /backup` tells it; `status` is an open set and kept as text."""

    id: str
    status: str
    rrule: str | None = None
    next_at: datetime | None = None
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One event of the vendor's history; its id matches nothing else. `state` and `action` are open sets."""

    id: str
    at: datetime | None  # the vendor's log_time
    state: str | None
    action: str | None
    repeat_type: str | None = None
    file_name: str | None = None
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Checked:
    """What a zip's check found when all was well."""

    members: int
    unpacked_size: int  # bytes of all members, unpacked


@dataclass(frozen=True, slots=True)
class Received:
    """One file, received in full, hashed and its zip checked."""

    file: FileId
    size: int
    sha256: str  # lower-case hex
    checked: Checked
    etag: str | None
    last_modified: str | None  # the header as it came
    attempts: int  # requests it took, all tries and restarts together
    resumed_bytes: int  # bytes that a later request did not have to fetch again
    seconds: float  # spent receiving, over all tries


class TakenBasis(StrEnum):
    """How we know when a job's backup was taken, best first."""

    HISTORY = "history"
    EXPIRY = "expiry"
    FIRST_SEEN = "first-seen"


@dataclass(frozen=True, slots=True)
class Taken:
    """When the backup was taken, and how we know."""

    at: datetime
    basis: TakenBasis
