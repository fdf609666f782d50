"""How much of the archive is read again at a time, so that each file has its turn and none of them all at once."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from backupd.core.listing import LastRead


def due_before(now: datetime, every: timedelta) -> datetime:
    """Say when a file must have been read last for its turn to come: after half its time, so that reading spreads."""
    return now - every / 2


def quota(total: int, *, every: timedelta, since: timedelta) -> int:
    """Say how many bytes are read in one go, if there is one each `since`: all of them within the other half."""
    return max(1, -(-2 * total * since // every))


def portion(files: Iterable[LastRead], limit: int) -> tuple[LastRead, ...]:
    """Take files, the longest unread first, until `limit` bytes are reached; one at least, if there is any."""
    chosen: list[LastRead] = []
    for file in files:
        if limit <= 0:
            break
        chosen.append(file)
        limit -= max(file.size, 1)
    return tuple(chosen)
