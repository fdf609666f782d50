"""Facts about the archive's place for `backupd check`: found by looking, and by moving one empty file about. Blocks."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from backupd.archive.disk import PRIVATE_FILE, reporting
from backupd.core.diagnosis.modes import Access
from backupd.core.names import ORG_NAME, STAGING, STATE, TRASH

_MOUNTS = Path("/proc/self/mountinfo")


def try_renames(root: Path) -> tuple[str, ...]:
    """Move an empty file from the root through each folder of ours; return those that it could not reach, and why.

    Raises ArchiveError if it cannot be made. It is removed in any case.
    """
    name = f".check-{os.getpid()}"
    unreached = []
    with reporting(root):
        at = root / name
        at.unlink(missing_ok=True)
        os.close(os.open(at, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, PRIVATE_FILE))
        try:
            for folder in _folders(root):
                try:
                    at = at.rename(folder / name)
                except OSError as error:
                    unreached.append(f"{folder.name} ({error.strerror})")
        finally:
            at.unlink(missing_ok=True)
    return tuple(unreached)


def access(path: Path) -> Access | None:
    """Say whose a path is and how open; None if it is not there, or out of sight."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Access(path, stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid)


def org_folders(root: Path) -> tuple[Access, ...]:
    """Return the folders of orgs."""
    found = (access(path) for path in _entries(root) if ORG_NAME.fullmatch(path.name) and path.is_dir())
    return tuple(one for one in found if one is not None)


def private_places(root: Path) -> tuple[Access, ...]:
    """Return the state folder and the tokens in it, as far as they are there."""
    state = root / STATE
    paths = [state, *(path for path in _entries(state) if path.suffix == ".token")]
    return tuple(one for one in map(access, paths) if one is not None)


def kind_of_file_system(path: Path, mounts: Path = _MOUNTS) -> str:
    """Return what the kernel calls the file system that a path lies on, such as `ext4`; empty if that is not known."""
    return _mount(path, mounts)[1]


def lies_on_root_mount(path: Path, mounts: Path = _MOUNTS) -> bool:
    """Tell whether nothing is mounted at a path or above it but the root itself, of whatever kind that is."""
    return _mount(path, mounts)[0] == Path("/")


def _mount(path: Path, mounts: Path) -> tuple[Path | None, str]:
    """Return where what a path lies on is mounted, and its kind."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="replace").splitlines()
        whole = path.resolve()
    except OSError:
        return None, ""
    at, kind = None, ""
    for line in lines:
        left, _, right = line.partition(" - ")
        point = Path(left.split(" ")[4].replace("\\040", " "))
        if whole.is_relative_to(point) and (at is None or point.is_relative_to(at)):  # of two at one place, the later
            at, kind = point, right.split(" ")[0]
    return at, kind


def _folders(root: Path) -> Iterator[Path]:
    """Give the folders between which files are moved, as far as they are there."""
    wanted = [root / STAGING, *(root / found.path.name for found in org_folders(root)), root / TRASH, root / STATE]
    yield from (path for path in wanted if path.is_dir())


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
