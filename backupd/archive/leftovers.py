"""What is left in staging of jobs that were missed: kept for a while, since a person may want it, then removed.

Blocking; for threads. A note in the folder says since when it is known to be left; staging the job again removes it.
"""

from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from backupd.archive.disk import PRIVATE_FILE, put
from backupd.archive.growth import JOB, MISSED, PUBLISHING, SCRATCH
from backupd.archive.staging import discard, growth_of
from backupd.core.model import JobId
from backupd.core.names import STAGING
from backupd.core.times import from_text, to_text


def clear(root: Path, org: str, missed: Collection[JobId], *, now: datetime, before: datetime) -> tuple[JobId, ...]:
    """Remove what is left since before then, but for rejected copies; return the jobs. Raises OSError."""
    parent = root / STAGING / org
    cleared = []
    for folder in sorted(parent.iterdir()) if parent.is_dir() else []:
        growth = growth_of(folder) if (folder / JOB).exists() else None
        if growth is None or growth.job not in missed or (folder / PUBLISHING).exists():
            continue
        since = _since(folder / MISSED)
        if since is None or since > now:
            put(folder / MISSED, to_text(now).encode("ascii") + b"\n", mode=PRIVATE_FILE, scratch=folder / SCRATCH)
        elif since < before:
            discard(folder)
            cleared.append(growth.job)
    return tuple(cleared)


def _since(note: Path) -> datetime | None:
    try:
        return from_text(note.read_text(encoding="ascii").strip())
    except (FileNotFoundError, ValueError):
        return None
