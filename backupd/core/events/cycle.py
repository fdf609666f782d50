"""A cycle, from its beginning to its end."""

from dataclasses import dataclass

from backupd.core.events import Event


@dataclass(frozen=True, slots=True)
class CycleStarted(Event):
    """A cycle began."""

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
