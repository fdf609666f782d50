"""Where the archive lies: whose it is, its disk, its records, its lock."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import PurePath

from backupd.core.diagnosis.finding import Finding, failed, ok, warning
from backupd.core.exits import Exit
from backupd.core.figures import counted, size, span

_LONG_HELD = timedelta(days=1)
_OVER_A_NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "9p", "afs", "fuse.sshfs", "fuse.glusterfs"}
)
_FULL_SOON = 1.2  # of the reserve: what is free then ends soon


def user(root: PurePath, owner: str, *, us: int, owners: int) -> Finding:
    """Say whether this is the user that the archive belongs to; only then the rest is what backupd itself would see."""
    if us == owners:
        return ok("user", f"{root} belongs to {owner}, who is asking")
    text = f"{root} belongs to {owner}, and somebody else is asking: what backupd itself may do was not seen"
    return warning("user", text, f"Ask as that user: `sudo -u {owner} backupd check`.")


def mount(root: PurePath, *, is_mount: bool, required: bool) -> Finding:
    """Say whether a disk that is missing would be noticed."""
    if required:
        return ok("mount", f"{root} is a mount point, as archive.require_mount wants")
    if is_mount:
        remedy = "With `require_mount = true` under [archive], a disk that is not mounted would be noticed."
        return ok("mount", f"{root} is a mount point", remedy)
    return ok("mount", f"{root} is no mount point, and need not be")


def file_system(root: PurePath, unreached: Sequence[str], kind: str, *, catalog_apart: bool) -> Finding:
    """Say whether one rename reaches every folder of ours; `kind` is the file system's, as the kernel calls it."""
    if unreached:
        text = f"{', '.join(unreached)}: cannot be reached from {root} by one rename"
        return failed("file system", text, "Keep the whole archive on one file system.", Exit.CONFIG)
    if kind in _OVER_A_NETWORK and not catalog_apart:
        text = f"{root} lies on {kind}, where the catalog cannot be shared safely"
        return warning("file system", text, "Set `path` under [catalog] to a place on a local disk.")
    return ok("file system", f"one for all of the archive{f' ({kind})' if kind else ''}; a rename works")


def space(free: int, reserve: int) -> Finding:
    """Say whether there is room."""
    if free < reserve:
        text = f"{size(free)} free, less than the {size(reserve)} that archive.min_free wants"
        return failed("space", text, "Free some space, or lower archive.min_free.", Exit.ARCHIVE)
    if free < reserve * _FULL_SOON:
        text = f"{size(free)} free, hardly more than the {size(reserve)} that stay free"
        return warning("space", text, "Free some space before the next backup comes.")
    return ok("space", f"{size(free)} free, of which {size(reserve)} stay free")


def catalog(path: PurePath, problem: str | None, snapshots: int, *, is_new: bool) -> Finding:
    """Say how the index is; it can be rebuilt, so that nothing wrong with it is worse than a warning."""
    if problem is None:
        return ok("catalog", f"opens, and holds {counted(snapshots, 'snapshot')}")
    if is_new:
        return ok("catalog", "there is none yet; the first cycle makes it")
    remedy = "Nothing to do: the next cycle rebuilds it. At once: `backupd rebuild-catalog`."
    return warning("catalog", f"{path}: {problem}", remedy)


def journal(org: str, lines: int, head: str) -> Finding:
    """Say what is written down of an org; the head is worth keeping elsewhere."""
    if not lines:
        return ok("journal", "there is none yet; the first cycle begins it", org=org)
    return ok("journal", f"{counted(lines, 'line')}, each follows the one before it; head {head[:16]}", org=org)


def lock(org: str, holder: str | None, since: datetime | None, now: datetime) -> Finding:
    """Say who holds the lock, which is nothing bad unless it does not end."""
    if holder is None:
        return ok("lock", "nobody holds it", org=org)
    if since is not None and now - since > _LONG_HELD:
        text = f"{holder} has held it for {span(now - since)}"
        return warning("lock", text, "See by `backupd status` whether it gets on; end that process if not.", org=org)
    return ok("lock", f"{holder} holds it", org=org)
