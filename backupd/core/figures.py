"""Figures as people read them: sizes, spans of time, instants. Sizes count in thousands, as the settings do."""

from datetime import UTC, datetime, timedelta

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_ALMOST = 999.95  # with one digit after the point it would be written as 1000.0
_SPANS = (("day", 86_400), ("hour", 3_600), ("minute", 60))  # seconds


def size(count: float) -> str:
    """Write bytes with three digits at least and a unit: `512 B`, `12.3 MB`."""
    for unit in _SIZES:
        if count < _ALMOST or unit == _SIZES[-1]:
            break
        count /= _STEP
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"


def rate(count: float) -> str:
    """Write bytes a second: `8.1 MB/s`."""
    return f"{size(count)}/s"


def span(length: timedelta) -> str:
    """Write a length of time in its largest unit that says enough: `3 days`, `5 hours`, `12 minutes`, `8 seconds`."""
    seconds = max(0, round(length.total_seconds()))
    for name, unit in _SPANS:
        if seconds >= 2 * unit or (seconds >= unit and name != "day"):
            return counted(seconds // unit, name)
    return counted(seconds, "second")


def ago(then: datetime, now: datetime) -> str:
    """Say how long ago an instant was, or in how long it will be."""
    return f"{span(now - then)} ago" if then <= now else f"in {span(then - now)}"


def instant(at: datetime) -> str:
    """Write an instant in UTC, to the minute: `2022-06-23 12:01Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%MZ}"


def counted(number: int, name: str) -> str:
    """Write a number with its thing: `1 file`, `4 files`."""
    return f"{number:,} {name}" if number == 1 else f"{number:,} {name}s"


def short(file: str) -> str:
    """Leave the kind away where the name begins with it anyway: `data/Data_001.zip` is `Data_001.zip`."""
    kind, _, name = file.partition("/")
    return name if name.lower().startswith(kind) else file
