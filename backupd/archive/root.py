"""Whether the archive's root can be used, asked before any work, and where its disk is mounted.

Reading commands need less than writing ones.
"""

import os
import re
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
    if what is None and require_mount and not is_mount_point(root):
        what, remedy = "is not a mount point, as archive.require_mount wants", "Mount the disk."
    if what is None and not os.access(root, os.R_OK | os.X_OK):
        what, remedy = "cannot be read by this user", "Change its owner or mode."
    if what is None and writable and not os.access(root, os.W_OK):
        what, remedy = "cannot be written by this user", "Change its owner or mode."
    if what is not None:
        raise ArchiveUnusable(f"archive.root: {root} {what} ({set_in})", advice=remedy)


def is_mount_point(folder: Path) -> bool:
    """Tell whether a disk, or a part of one, is mounted at this folder."""
    return mount_point(folder) == folder.resolve()


def mount_point(folder: Path) -> Path:
    """Return where the disk of a folder is mounted; a bind mount of the same disk only the kernel's table shows."""
    folder, points = folder.resolve(), _mount_points()
    return next((at for at in (folder, *folder.parents) if at.is_mount() or str(at) in points), folder)


def _mount_points() -> frozenset[str]:
    try:
        table = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return frozenset()
    points = (line.split(" ")[4] for line in table.splitlines())
    return frozenset(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), point) for point in points)
