"""The program itself, its page and its messages."""

from dataclasses import dataclass

from backupd.core.events import Event


@dataclass(frozen=True, slots=True)
class ServiceStarted(Event):
    """The daemon runs."""

    name = "service.started"
    version: str
    orgs: int
    every: float  # seconds between polls


@dataclass(frozen=True, slots=True)
class ServiceStopping(Event):
    """The daemon was told to end."""

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
    """New settings are in force."""

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
    """The system's clock was set."""

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
