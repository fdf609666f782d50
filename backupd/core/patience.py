"""How long to try, and how long to wait between tries. Computes delays; never waits.

The figures for one run come from what cron users expect of `--run-once`; the daemon goes on until the links expire.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

_FETCHED_AT_ONCE = 3  # a rejected zip is fetched this often from zero before the long waits begin
_LONG_WAITS = (timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
_LONGEST_PAUSE = 3600.0  # seconds; links live for days, so a server that asks for more is asked again after that
_FIRST_RETRY = 60.0  # seconds after the first failed cycle


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how long something is tried. None means: as long as there is a deadline to reach."""

    call_tries: int  # an API call, all tries together
    file_tries: int | None  # a file, tries in a row that brought no new byte
    longest_wait: float  # seconds, any single wait
    idle_limit: float | None  # seconds in all without a new byte


ONE_RUN = Patience(call_tries=4, file_tries=5, longest_wait=60.0, idle_limit=120.0)
DAEMON = Patience(call_tries=4, file_tries=None, longest_wait=900.0, idle_limit=None)
ONE_TRY = Patience(call_tries=1, file_tries=1, longest_wait=0.0, idle_limit=0.0)


def back_off(attempt: int, *, longest: float, jitter: float, first: float = 1.0) -> float:
    """Return the seconds to wait after the `attempt`-th failure in a row (from 1): doubling, spread by `jitter` (0..1).

    The wait lies between half the doubled value and the whole of it, and never above `longest`.
    """
    whole = min(longest, first * 2.0 ** min(attempt - 1, 32))
    return whole * (0.5 + jitter / 2)


def obeyed(asked: float) -> float:
    """Return how many seconds of a pause that a server asked for are waited: whatever it says, an hour at most."""
    return min(asked, _LONGEST_PAUSE)


def retry_rejected(rejections: int, last: datetime) -> datetime:
    """Return when a zip that was rejected `rejections` times, `last` the latest, may be fetched from zero again."""
    if rejections < _FETCHED_AT_ONCE:
        return last
    return last + _LONG_WAITS[min(rejections - _FETCHED_AT_ONCE, len(_LONG_WAITS) - 1)]


def retry_cycle(failures: int, *, every: float, jitter: float) -> float:
    """Return the seconds until a cycle that failed `failures` times in a row is run again: sooner than `every`."""
    return min(every, back_off(failures, longest=every, jitter=jitter, first=_FIRST_RETRY))
