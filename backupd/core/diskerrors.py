"""What the system says when a disk refuses, as our error: full, or failing. Names the path, never what was written."""

import errno
from pathlib import Path

from backupd.core.errors import ArchiveError, ArchiveFull

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_ADVICE = {
    errno.EMFILE: "Let backupd open more files: `ulimit -n`, or LimitNOFILE= of its unit.",
    errno.EFBIG: "Let backupd write larger files: `ulimit -f`, or LimitFSIZE= of its unit.",
    errno.EXDEV: "Keep the whole archive on one file system: a snapshot appears by one rename.",
    errno.EROFS: "The disk is mounted read-only, perhaps after a fault: check it, and mount it for writing.",
    errno.EACCES: "Run the command as backupd's user, or give that user the right to this path.",
    errno.EPERM: "Run the command as backupd's user, or give that user the right to this path.",
}


def archive_error(path: Path | str, error: OSError) -> ArchiveError:
    """Return the error that says which path the disk refused, and why."""
    message = f"{path}: {error.strerror or type(error).__name__}"
    if error.errno in _FULL:
        return ArchiveFull(message)
    return ArchiveError(message, advice=_ADVICE.get(error.errno or 0))
