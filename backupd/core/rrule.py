"""The vendor's rule for recurring backups: built from plain words, and put into words again.

Knows the forms that the vendor takes (weekly, or monthly by date or by weekday). Computes no dates: the vendor's own
samples do not follow their rules, so its `scheduled_date` is the only one to believe.
"""

import re

from backupd.core.errors import UsageError

_DAYS = {
    "SU": "Sunday",
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
}
_PLACES = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth"}
_PREFIX = "RRULE:"
_SHAPE = re.compile(r"[A-Z]+=[A-Z0-9,+-]+(?:;[A-Z]+=[A-Z0-9,+-]+)*")
_NUMBERED_DAY = re.compile(r"([1-5])([a-z]{2,9})")
_ORDINAL = re.compile(r"(?:[123]?1st|2?2nd|2?3rd|[1-3]?[0-9]th)")
_MOST_INTERVAL, _LAST_DAY = 52, 31
_LONGEST_MONTH = 30  # days from its first to its last
_SHORTEST = 2  # letters of a day


def weekly(day: str, every: int = 1) -> str:
    """Make the rule for a day of the week (`tue`), every so many weeks. Raises UsageError."""
    return _rule("WEEKLY", every, f"BYDAY={_day(day)}")


def monthly(when: str, every: int = 1) -> str:
    """Make the rule for a day of the month (`1`) or its first, second, … weekday (`1thu`). Raises UsageError."""
    text = when.strip().lower()
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= _LAST_DAY:
        return _rule("MONTHLY", every, f"BYMONTHDAY={int(text)}")
    if _ORDINAL.fullmatch(text) and text not in {"1th", "2th", "3th"}:
        number = re.sub(r"\D", "", text)
        advice = f"Write {number} for that day of the month, or such as 1thu for its first Thursday."
        raise UsageError(f"{when!r} can mean a date or a Thursday", advice=advice)
    numbered = _NUMBERED_DAY.fullmatch(text)
    if numbered is None:
        message = f"{when!r} is not a day of a month"
        raise UsageError(message, advice="Write 1 to 31, or such as 1thu for the first Thursday.")
    return _rule("MONTHLY", every, f"BYDAY={numbered[1]}{_day(numbered[2])}")


def given(text: str) -> str:
    """Take a rule as a person wrote it, with or without `RRULE:`; whether it makes sense the vendor says.

    Raises UsageError.
    """
    rule = text.strip().upper().removeprefix(_PREFIX)
    if not _SHAPE.fullmatch(rule):
        advice = "Write such as 'RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU'."
        raise UsageError("this is not a rule of the form RRULE:NAME=VALUE;…", advice=advice)
    return _PREFIX + rule


def same(one: str | None, other: str | None) -> bool:
    """Tell whether two rules say the same, in whatever order and case."""
    return (one is None and other is None) or (one is not None and other is not None and _parts(one) == _parts(other))


def in_words(rrule: str | None) -> str:
    """Say when backups are made: `every 2 weeks on Tuesday`; a rule of another form is shown as it is."""
    if rrule is None:
        return "once"
    parts = _parts(rrule)
    every = parts.pop("INTERVAL", "1")
    match sorted(parts.items()):
        case [("BYDAY", day), ("FREQ", "WEEKLY")] if day in _DAYS:
            return f"{_each(every, 'week')} on {_DAYS[day]}"
        case [("BYMONTHDAY", day), ("FREQ", "MONTHLY")]:
            return f"{_each(every, 'month')} on day {day}"
        case [("BYDAY", day), ("FREQ", "MONTHLY")] if day[:1] in _PLACES and day[1:] in _DAYS:
            return f"{_each(every, 'month')} on the {_PLACES[day[:1]]} {_DAYS[day[1:]]}"
        case _:
            return rrule


def most_a_month(rrule: str | None) -> int | None:
    """Say how many backups at most a rule makes in a month; None if it has a form that we do not know."""
    parts = _parts(rrule) if rrule is not None else {"FREQ": "ONCE"}
    every = parts.get("INTERVAL", "1")
    if not every.isdecimal() or int(every) == 0:
        return None
    match parts.get("FREQ"):
        case "WEEKLY" if parts.get("BYDAY") in _DAYS:
            return 1 + _LONGEST_MONTH // (7 * int(every))
        case "MONTHLY" | "ONCE":
            return 1
        case _:
            return None


def _rule(frequency: str, every: int, day: str) -> str:
    if not 1 <= every <= _MOST_INTERVAL:
        raise UsageError(f"a backup every {every} weeks or months is not possible", advice="Write 1 to 52.")
    return f"{_PREFIX}FREQ={frequency};INTERVAL={every};{day}"


def _day(text: str) -> str:
    """Find a day by the beginning of its English name, two letters or more."""
    name = text.strip().lower()
    for code, day in _DAYS.items():
        if len(name) >= _SHORTEST and day.lower().startswith(name):
            return code
    raise UsageError(f"{text!r} is not a day of the week", advice="Write mon, tue, wed, thu, fri, sat or sun.")


def _parts(rrule: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in rrule.upper().removeprefix(_PREFIX).split(";"))
    return {name: value for name, _, value in pairs if not (name == "INTERVAL" and value == "1")}


def _each(every: str, unit: str) -> str:
    return f"every {unit}" if every == "1" else f"every {every} {unit}s"
