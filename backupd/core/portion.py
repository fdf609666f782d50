"""How much of the archive is read again at a time, so that each file has its turn and none of them all at once."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from backupd.core.listing import LastRead


def due_before(now: datetime, every: timedelta) -> datetime:
    """Say when a file must have been read last for its turn to come: after half its time, so that reading spreads."""
    return now - every / 2


def quota(
    unread: Iterable[tuple[datetime, int]], total: int, *, now: datetime, every: timedelta, since: timedelta
) -> int:
    """Say how many of all (`total`) bytes are read in one go, one each `since`, so that each is read within `every`.

    `unread`: when files whose turn has come were read last, and their bytes; the longest ago first. They are to be read
    a tenth of their time early, which makes up for days when nothing was read; what is late for that is read soon, but
    not all at once. Never less than the mean is read, or all would come due together.
    """
    soon = max(since, every / 30)
    wanted, waiting = max(1, -(-total * since // every)), 0
    for read_at, size in unread:
        waiting += size
        left = max(read_at + every * 9 / 10 - now, soon)
        wanted = max(wanted, -(-waiting * since // left))
    return wanted


def portion(files: Iterable[LastRead], limit: int) -> tuple[LastRead, ...]:
    """Take files, the longest unread first, until `limit` bytes are reached; one at least, if there is any."""
    chosen: list[LastRead] = []
    for file in files:
        if limit <= 0:
            break
        chosen.append(file)
        limit -= max(file.size, 1)
    return tuple(chosen)
