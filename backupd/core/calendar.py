"""Twelve months at a glance: for each day, what became of the backups that the vendor made then.

Goes by `core.reconcile`; says nothing of days on which nothing happened, for the vendor's rule does not tell its dates.
"""

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from backupd.core.reconcile import Row, Verdict

_MONTHS = 12
_WORDS = {
    Verdict.ARCHIVED: "archived",
    Verdict.DROPPED: "archived, and dropped by rule since",
    Verdict.MISSED: "missed: its links expired",
    Verdict.SUPERSEDED: "missed: a newer one hid its links",
    Verdict.OBTAINABLE: "not archived in full yet",
    Verdict.FAILED: "failed at the vendor",
}


class Mark(StrEnum):
    """What a day looks like."""

    NONE = "none"
    DROPPED = "dropped"
    ARCHIVED = "archived"
    UNDER_WAY = "under-way"
    FAILED = "failed"  # at the vendor
    MISSED = "missed"


_MARKS = {
    Verdict.ARCHIVED: Mark.ARCHIVED,
    Verdict.DROPPED: Mark.DROPPED,
    Verdict.OBTAINABLE: Mark.UNDER_WAY,
    Verdict.FAILED: Mark.FAILED,
    Verdict.SUPERSEDED: Mark.MISSED,
    Verdict.MISSED: Mark.MISSED,
}
_WORST_LAST = tuple(Mark)


@dataclass(frozen=True, slots=True)
class Day:
    """One day, in UTC: the worst that happened, all of it in words (each once), and a snapshot of that day."""

    date: date
    mark: Mark = Mark.NONE
    words: tuple[str, ...] = ()
    path: str | None = None
    ahead: bool = False  # after today


@dataclass(frozen=True, slots=True)
class Month:
    """A month as weeks from Monday to Sunday; None fills the first and the last one."""

    first: date
    weeks: tuple[tuple[Day | None, ...], ...]


def begins(today: date) -> date:
    """Return the first day of the oldest month that is shown."""
    month = today.replace(day=1)
    for _ in range(_MONTHS - 1):
        month = (month - timedelta(days=1)).replace(day=1)
    return month


def year(rows: Iterable[Row], *, today: date) -> tuple[Month, ...]:
    """Return the twelve months that end with today's, oldest first."""
    days = _days(rows)
    months, first = [], begins(today)
    while first <= today:
        weeks = calendar.Calendar().monthdatescalendar(first.year, first.month)
        months.append(Month(first, tuple(tuple(_day(day, first, days, today) for day in week) for week in weeks)))
        first = (first + timedelta(days=31)).replace(day=1)
    return tuple(months)


def _days(rows: Iterable[Row]) -> Mapping[date, Day]:
    days: dict[date, Day] = {}
    for row in rows:
        mark = _MARKS.get(row.verdict)
        if mark is None or row.at is None:
            continue
        when = row.at.date()
        before = days.get(when, Day(when))
        path = str(row.job.path) if row.job and row.job.path else before.path
        worst = max(before.mark, mark, key=_WORST_LAST.index)
        word = _WORDS[row.verdict]
        words = before.words if word in before.words else (*before.words, word)
        days[when] = Day(when, worst, words, path)
    return days


def _day(day: date, month: date, days: Mapping[date, Day], today: date) -> Day | None:
    if day.month != month.month:
        return None
    return days.get(day) or Day(day, ahead=day > today)
