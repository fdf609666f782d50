"""Instants as text and back: RFC 3339 in UTC outside, aware datetimes inside; and when a backup was taken."""

from collections.abc import Iterable
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta

from backupd.core.model import HistoryEntry, Taken, TakenBasis

LINK_LIFE = timedelta(days=7)  # expiry minus this equals the history's log_time to the second, in the samples
TOLERANCE = timedelta(minutes=10)  # between the two, in practice


def to_text(instant: datetime) -> str:
    """Write an aware instant as RFC 3339 in UTC, to the second, or to the microsecond if it has a fraction."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def to_fixed_text(instant: datetime) -> str:
    """Write an aware instant as RFC 3339 in UTC with microseconds always: such texts sort as the instants do."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")


def shortened(text: str) -> str:
    """Write an instant as `to_text` does that is a fixed text already."""
    return text.replace(".000000", "").replace("+00:00", "Z")


def from_text(text: str) -> datetime:
    """Read an RFC 3339 instant with an offset, as UTC. Raises ValueError if it has no offset or another form.

    So it does in the calendar's first and last year, which leaves room for adding and taking away days everywhere.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        message = f"the time {text!r} has no offset"
        raise ValueError(message)
    if not MINYEAR < instant.year < MAXYEAR:
        message = f"the time {text!r} lies at the calendar's edge"
        raise ValueError(message)
    return instant.astimezone(UTC)


def completed_near(history: Iterable[HistoryEntry], expected: datetime) -> HistoryEntry | None:
    """Find the completed run whose log_time lies nearest to `expected`, within the tolerance; never by id."""
    near = [
        (abs(at - expected), index, entry)
        for index, entry in enumerate(history)
        if (at := completed_at(entry)) is not None and abs(at - expected) <= TOLERANCE
    ]
    return min(near)[2] if near else None


def completed_at(entry: HistoryEntry) -> datetime | None:
    """Return when the run that an entry tells of was completed, or None if it tells of none, or not when."""
    return entry.at if entry.state == "completed" else None


def completion_expected(expires_at: datetime) -> datetime:
    """Return when a job's backup should have been completed, going by its links' expiry."""
    return expires_at - LINK_LIFE


def history_needed_back_to(expires_at: datetime) -> datetime:
    """Return the instant before which no history entry can belong to a job with this expiry."""
    return expires_at - LINK_LIFE - TOLERANCE


def taken(expires_at: datetime, first_seen: datetime, history: Iterable[HistoryEntry]) -> Taken:
    """Decide when the backup was taken: by the history, else expiry less 7 days if that is past, else first seen."""
    expected = completion_expected(expires_at)
    entry = completed_near(history, expected)
    if entry is not None and entry.at is not None:
        return Taken(entry.at, TakenBasis.HISTORY)
    if expected <= first_seen:
        return Taken(expected, TakenBasis.EXPIRY)
    return Taken(first_seen, TakenBasis.FIRST_SEEN)
