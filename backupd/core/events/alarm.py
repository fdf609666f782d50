"""What stays wrong for longer than a moment."""

from dataclasses import dataclass

from backupd.core.events import Event


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
