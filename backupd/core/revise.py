"""What a manifest says when a job is first published, and when files are added to it. Pure; publishing is elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from backupd.core.manifest import Manifest, ManifestFile, in_order
from backupd.core.model import JobId, Schedule, Taken, TakenBasis

_BEST_FIRST = tuple(TakenBasis)  # the order in which the model names them


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known around a job at the moment of publishing."""

    org: str
    job: JobId
    taken: Taken
    expires_at: datetime
    first_seen_at: datetime
    schedule: Schedule | None
    tool_version: str


def first(facts: Circumstances, files: Iterable[ManifestFile], *, archived_at: datetime) -> Manifest:
    """Make the manifest of a snapshot that does not exist yet."""
    return Manifest(
        org=facts.org,
        job=facts.job,
        taken=facts.taken,
        expires_at=facts.expires_at,
        first_seen_at=facts.first_seen_at,
        archived_at=archived_at,
        revision=1,
        schedule=facts.schedule,
        tool_version=facts.tool_version,
        files=in_order(tuple(files)),
    )


def revised(manifest: Manifest, facts: Circumstances, added: Iterable[ManifestFile]) -> Manifest:
    """Make the next revision: with the added files, and with what is known better by now.

    When it was archived and first seen, and the schedule as it stood then, stay.
    """
    return replace(
        manifest,
        taken=min(manifest.taken, facts.taken, key=lambda taken: _BEST_FIRST.index(taken.basis)),
        expires_at=max(manifest.expires_at, facts.expires_at),
        revision=manifest.revision + 1,
        schedule=manifest.schedule or facts.schedule,
        tool_version=facts.tool_version,
        files=in_order((*manifest.files, *added)),
    )


def missing_from(manifest: Manifest, files: Iterable[ManifestFile]) -> tuple[ManifestFile, ...]:
    """Return those of `files` that the manifest does not list."""
    listed = {entry.file for entry in manifest.files}
    return in_order(tuple(entry for entry in files if entry.file not in listed))
