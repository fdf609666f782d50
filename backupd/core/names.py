"""Names that become paths: where text from outside is let into a file name or refused, and where folders get theirs.

Relative paths only; nothing here touches a disk.
"""

import re
from datetime import UTC, datetime
from pathlib import PurePosixPath

from backupd.core.model import FileId, JobId

ORG_NAME = re.compile(r"[a-z0-9_]+")
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")
_TRASH_TIME = "%Y%m%dT%H%M%SZ"
_TRASHED = re.compile(r"\d{4}-\d{2}-\d{2}_.")  # how a snapshot's folder begins, and no org does
_LONGEST_NAME = 180  # bytes; leaves room for our own suffixes below the usual limit of 255

MANIFEST = "manifest.json"
CHECKSUMS = "SHA256SUMS"
JOURNAL = "journal.jsonl"
STAGING = ".staging"
TRASH = ".trash"
STATE = ".state"
CATALOG = "catalog.sqlite"


def is_id(text: str) -> bool:
    """Tell whether an id from outside (zgid, job id) may be part of a path."""
    return _ID.fullmatch(text) is not None


def file_name_problem(text: str) -> str | None:
    """Say why a name from outside may not become a file name, or None if it may."""
    if not text or text in {".", ".."} or text.startswith("."):
        return "is empty or begins with a dot"
    if any(not char.isprintable() or char in '/\\:*?"<>|' for char in text):
        return "holds a character that has no place in a file name"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "is not valid Unicode"
    return "is too long" if size > _LONGEST_NAME else None


def snapshot_path(org: str, taken_at: datetime, job: JobId) -> PurePosixPath:
    """Return a snapshot's folder, relative to the archive root: `<org>/2022/2022-06-23_<job id>`."""
    return PurePosixPath(org, f"{taken_at:%Y}", f"{taken_at:%Y-%m-%d}_{job.job}")


def staging_path(org: str, job: JobId) -> PurePosixPath:
    """Return the folder in which a job grows, relative to the archive root."""
    return PurePosixPath(STAGING, org, job.job)


def trash_name(at: datetime, snapshot: PurePosixPath, what: str = "") -> str:
    """Name what of a snapshot goes into `.trash`, and when: `20220623T101500Z_<org>_<folder>`."""
    name = f"{at.astimezone(UTC):{_TRASH_TIME}}_{snapshot.parts[0]}_{snapshot.name}"
    return f"{name}_{what}" if what else name


def trashed_at(name: str, org: str) -> datetime | None:
    """Read when something of an org went into `.trash`; None if it is of another, or did not get there by us."""
    stamp, _, rest = name.partition("_")
    if not _TRASHED.match(rest.removeprefix(f"{org}_")) or not rest.startswith(f"{org}_"):
        return None
    try:
        return datetime.strptime(stamp, _TRASH_TIME).replace(tzinfo=UTC)
    except ValueError:
        return None


def path_in_snapshot(file: FileId) -> PurePosixPath:
    """Return a file's place within its snapshot: `data/Data_001.zip`."""
    return PurePosixPath(str(file.kind), file.name)
