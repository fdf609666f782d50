"""What the vendor answers, and what its history tells."""

from dataclasses import dataclass
from datetime import datetime

from backupd.core.events import Event


@dataclass(frozen=True, slots=True)
class CallRetrying(Event):
    """A call to the vendor failed; the next try comes after `wait`."""

    name = "vendor.retrying"
    level = "warning"
    org: str
    call: str
    reason: str
    attempt: int
    wait: float


@dataclass(frozen=True, slots=True)
class TokenRenewed(Event):
    """There is a new access token."""

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
class HistoryReconciled(Event):
    """The vendor's history was read to its end and compared with the archive."""

    name = "vendor.reconciled"
    org: str
    entries: int
    new: int
    gaps: int


@dataclass(frozen=True, slots=True)
class RunFailed(Event):
    """The vendor's history tells of a backup that failed there; told once."""

    name = "vendor.run_failed"
    level = "error"
    org: str
    at: datetime | None
