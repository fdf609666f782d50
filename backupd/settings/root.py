"""Whether the archive's root can be used, asked before any work. Reading commands need less than writing ones."""

import os
from pathlib import Path

from backupd.core.errors import ArchiveUnusable


def require_root(root: Path, set_in: str, *, require_mount: bool, writable: bool) -> None:
    """Return if the root is a folder of the needed kind. Raises ArchiveUnusable, with key, path, place and remedy.

    `set_in` says where the root was set, in words.
    """
    try:
        what = None if root.is_dir() else "is not a folder" if root.exists() else "does not exist"
    except OSError as error:  # a name that is too long, a folder above it that is closed to us
        what = f"cannot be reached ({error.strerror})"
    remedy = "Create the folder, or correct the key."
    if what is None and require_mount and not root.is_mount():
        what, remedy = "is not a mount point, as archive.require_mount wants", "Mount the disk."
    if what is None and not os.access(root, os.R_OK | os.X_OK):
        what, remedy = "cannot be read by this user", "Change its owner or mode."
    if what is None and writable and not os.access(root, os.W_OK):
        what, remedy = "cannot be written by this user", "Change its owner or mode."
    if what is not None:
        raise ArchiveUnusable(f"archive.root: {root} {what} ({set_in})", advice=remedy)
