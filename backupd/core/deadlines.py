"""A job that is not complete, against the expiry of its links: will it be in time, and when to say so.

Computes only: it neither waits nor tells. The state is handed in and out, so that it can be kept over restarts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

STEPS = (timedelta(hours=72), timedelta(hours=24), timedelta(hours=6), timedelta(hours=1))  # before the expiry

_ANOTHER = timedelta(hours=1)  # an expiry that moved back by more than this is a new deadline, with steps of its own


@dataclass(frozen=True, slots=True)
class Growing:
    """How far one file of the job is, in bytes. `total` is None until the server has said it."""

    received: int
    total: int | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """The time that is left against the time that is needed; `needed` is None as long as nobody can say."""

    left: timedelta  # never less than none
    needed: timedelta | None
    missing: int | None  # bytes, estimated where sizes are unknown

    @property
    def in_time(self) -> bool | None:
        """Whether all will be there before the expiry, going on like this; None: unknown."""
        return None if self.needed is None else self.needed <= self.left


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of a deadline: the last step, for this expiry."""

    expires_at: datetime
    step: timedelta


def outlook(files: Iterable[Growing], *, rate: float | None, expires_at: datetime, now: datetime) -> Outlook:
    """Compare what is left with what is needed for all files of the job, whole ones too.

    A file of unknown size counts as an average one of those that are known. `rate`: bytes a second so far, if any came.
    """
    left = max(expires_at - now, timedelta(0))
    files = tuple(files)
    missing = _missing(files)
    if missing == 0 and all(file.total is not None for file in files):
        return Outlook(left, timedelta(0), 0)
    if not missing or not rate or rate <= 0:
        return Outlook(left, None, missing)
    seconds = min(missing / rate, timedelta.max.total_seconds() / 2)
    return Outlook(left, timedelta(seconds=seconds), missing)


def escalate(told: Told | None, *, expires_at: datetime, now: datetime) -> tuple[Told | None, timedelta | None]:
    """Return the new state, and the step to be told now, if there is one: each once, and of several only the last.

    After the expiry there is nothing to escalate any more: the job is then missed, which is told elsewhere.
    """
    if told is not None and expires_at - told.expires_at > _ANOTHER:
        told = None
    left = expires_at - now
    due = [step for step in STEPS if timedelta(0) < left <= step and (told is None or step < told.step)]
    if not due:
        return told, None
    return Told(expires_at if told is None else told.expires_at, due[-1]), due[-1]


def _missing(files: tuple[Growing, ...]) -> int | None:
    known = [file.total for file in files if file.total is not None]
    if not known and files:
        return None
    average = sum(known) // max(1, len(known))
    return sum(max(0, (average if file.total is None else file.total) - file.received) for file in files)
