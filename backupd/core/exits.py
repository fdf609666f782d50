"""The exit statuses, and which of several counts.

Does not decide what failed; errors (`core.errors`) carry their own status.
"""

from collections.abc import Iterable
from enum import IntEnum


class Exit(IntEnum):
    """The process's exit status; the numbers from 64 up follow sysexits.h."""

    OK = 0
    INCOMPLETE = 1  # a job could not be archived in full
    USAGE = 2
    DAMAGE = 3  # `verify` or `reconcile` found damage or a gap, `status --check` an org that is not safe
    UNAVAILABLE = 69  # the vendor is unreachable or refuses service
    ARCHIVE = 73  # the archive is full or failing
    TRY_LATER = 75  # throttled, or another backupd holds the lock
    REFUSED = 77  # credentials, scope or role
    CONFIG = 78  # configuration, an unusable root included
    INTERRUPTED = 130


_WORST_FIRST = (
    Exit.INTERRUPTED,
    Exit.CONFIG,
    Exit.REFUSED,
    Exit.ARCHIVE,
    Exit.UNAVAILABLE,
    Exit.TRY_LATER,
    Exit.DAMAGE,
    Exit.INCOMPLETE,
    Exit.USAGE,
)


def worst(statuses: Iterable[Exit]) -> Exit:
    """Pick the one status that stands for several: a known cause outranks 1, and 78 77 73 69 75 1 0 is the order."""
    seen = set(statuses)
    return next((status for status in _WORST_FIRST if status in seen), Exit.OK)
