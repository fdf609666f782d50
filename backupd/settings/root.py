"""Whether the archive's root can be used, asked before any work. Reading commands need less than writing ones."""

import os
from pathlib import Path

from backupd.core.errors import ArchiveUnusable


def require_root(root: Path, *, require_mount: bool, writable: bool) -> None:
    """Return if the root is a folder of the needed kind. Raises ArchiveUnusable, with key, path and remedy."""
    try:
        what = None if root.is_dir() else "is not a folder" if root.exists() else "does not exist"
    except OSError as error:  # a name that is too long, a folder above it that is closed to us
        what = f"cannot be reached ({error.strerror})"
    if what is not None:
        raise ArchiveUnusable(f"archive.root: {root} {what}", advice="Create the folder, or correct the key.")
    if require_mount and not root.is_mount():
        message = f"archive.root: {root} is not a mount point, as archive.require_mount wants"
        raise ArchiveUnusable(message, advice="Mount the disk.")
    if not os.access(root, os.R_OK | os.X_OK):
        message = f"archive.root: {root} cannot be read by this user"
        raise ArchiveUnusable(message, advice="Change its owner or mode.")
    if writable and not os.access(root, os.W_OK):
        message = f"archive.root: {root} cannot be written by this user"
        raise ArchiveUnusable(message, advice="Change its owner or mode.")
