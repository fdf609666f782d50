"""What became of an order to the vendor whose answer was lost: judged by what `GET /backup` showed and shows.

Such an order is never sent again, since it spends quota. Where the two do not tell, the answer is that nobody knows.
"""

from enum import StrEnum

from backupd.core.model import Schedule
from backupd.core.rrule import same

STOPPED = "STOPPED"
_ENDED = frozenset({STOPPED, "COMPLETED", "FINISHED", "FAILED", "PAYMENT_FAILED"})


class Fate(StrEnum):
    """What became of it."""

    TAKEN = "taken"
    NOT_TAKEN = "not taken"
    UNKNOWN = "unknown"


def fate_of_creation(rule: str | None, before: Schedule | None, after: Schedule | None) -> Fate:
    """Say whether a backup was ordered, at once (no rule) or by rule."""
    if after == before:
        return Fate.NOT_TAKEN
    if after is None or not same(rule, after.rrule):
        return Fate.UNKNOWN
    anew = before is None or (after.id, after.started_at) != (before.id, before.started_at)
    return Fate.TAKEN if anew or (_has_ended(before) and not _has_ended(after)) else Fate.UNKNOWN


def fate_of_cancelling(before: Schedule, after: Schedule | None) -> Fate:
    """Say whether a schedule was cancelled."""
    if after is None or after.status == STOPPED:
        return Fate.TAKEN
    return Fate.NOT_TAKEN if after == before else Fate.UNKNOWN


def _has_ended(schedule: Schedule | None) -> bool:
    return schedule is None or schedule.status in _ENDED
