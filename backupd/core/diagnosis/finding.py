"""One finding: what was looked at, how it is, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum

from backupd.core.errors import BackupdError, ConfigurationError
from backupd.core.exits import Exit


class Result(StrEnum):
    """How a finding is."""

    OK = "OK"
    WARNING = "WARNING"  # it works, and could go wrong or be abused
    FAILED = "FAILED"  # it does not work


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look showed."""

    check: str  # names what was looked at: a stable word
    result: Result
    text: str
    remedy: str = ""
    exit_status: Exit = Exit.OK
    org: str | None = None  # None: it is about all

    @property
    def subject(self) -> str:
        """What was looked at, with the org that it is about."""
        return self.check if self.org is None else f"{self.check} {self.org}"


def ok(check: str, text: str, remedy: str = "", *, org: str | None = None) -> Finding:
    """Say that it is well; a remedy is then only a thought."""
    return Finding(check, Result.OK, text, remedy, org=org)


def warning(check: str, text: str, remedy: str, *, org: str | None = None) -> Finding:
    """Say that it works, and what should be better."""
    return Finding(check, Result.WARNING, text, remedy, org=org)


def failed(check: str, text: str, remedy: str, exit_status: Exit, *, org: str | None = None) -> Finding:
    """Say that it does not work."""
    return Finding(check, Result.FAILED, text, remedy, exit_status, org)


def refused(check: str, error: BackupdError, *, org: str | None = None) -> Finding:
    """Say what an error says."""
    text = "; ".join(error.problems) if isinstance(error, ConfigurationError) else str(error)
    return failed(check, text, error.advice, error.exit_status, org=org)
