"""Does what the catalog says of a job agree with what lies in the archive? Asked before anything is done about it.

The catalog is an index, manifests are the truth: where they differ, it is made anew. Reads nothing itself.
"""

from backupd.core.manifest import Manifest
from backupd.core.model import JobId
from backupd.core.records import ArchivedJob, FoundSnapshot
from backupd.core.retention import Standing


def disagreement(job: JobId, known: ArchivedJob | None, found: FoundSnapshot | None) -> str | None:
    """Say how they differ about a job; None: they agree. A record that cannot be read speaks against nothing new."""
    manifest = found.record if found is not None and isinstance(found.record, Manifest) else None
    if known is None:
        there = found is not None and manifest is not None and manifest.job == job
        return f"it does not know of {found.path}" if there and found else None
    if manifest is None:
        return f"it knows more of {known.path} than can be read there" if known.revision else None
    if manifest.job != job:
        return f"{known.path} is the snapshot of another job"
    if manifest.revision != known.revision or {entry.file for entry in manifest.files} != known.files:
        return f"it does not know {known.path} as it is"
    return None


def standing_disagreement(standing: Standing, found: FoundSnapshot) -> str | None:
    """Say how they differ about what retention judges by; None: they agree."""
    manifest = found.record
    if not isinstance(manifest, Manifest):
        return None if standing.verified is False else f"it takes {standing.path} for whole"
    judged = (standing.job, standing.taken_at, standing.archived_at, standing.size)
    there = (manifest.job, manifest.taken.at, manifest.archived_at, manifest.size)
    return None if judged == there else f"it does not know {standing.path} as it is"
