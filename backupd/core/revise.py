"""What a manifest says when a job is first published, and when files are added to it. Pure; publishing is elsewhere."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from backupd.core.manifest import Manifest, ManifestFile, in_order
from backupd.core.model import FileId, JobId, Kind, Schedule, Taken, TakenBasis

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
    missing: frozenset[FileId] = frozenset()  # of the job, and never to be had; what is archived does not count


def first(facts: Circumstances, files: Iterable[ManifestFile], *, archived_at: datetime) -> Manifest:
    """Make the manifest of a snapshot that does not exist yet."""
    files = in_order(tuple(files))
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
        files=files,
        missing=_still_missing(facts.missing, files),
    )


def revised(manifest: Manifest, facts: Circumstances, added: Iterable[ManifestFile]) -> Manifest:
    """Make the next revision: with the added files, some in place of damaged ones, and with what is known by now.

    When it was archived and first seen, and the schedule as it stood then, stay. With its last missing file it is
    partial no more.
    """
    new = {entry.file: entry for entry in added}
    files = in_order((*(entry for entry in manifest.files if entry.file not in new), *new.values()))
    return replace(
        manifest,
        taken=min(manifest.taken, facts.taken, key=lambda taken: _BEST_FIRST.index(taken.basis)),
        expires_at=max(manifest.expires_at, facts.expires_at),
        revision=manifest.revision + 1,
        schedule=manifest.schedule or facts.schedule,
        tool_version=facts.tool_version,
        files=files,
        missing=_still_missing(facts.missing.union(manifest.missing), files),
    )


def missing_from(manifest: Manifest, files: Iterable[ManifestFile]) -> tuple[ManifestFile, ...]:
    """Return those of `files` that the manifest does not list."""
    listed = {entry.file for entry in manifest.files}
    return in_order(tuple(entry for entry in files if entry.file not in listed))


def _still_missing(missing: Iterable[FileId], files: Iterable[ManifestFile]) -> tuple[FileId, ...]:
    there = {entry.file for entry in files}
    return tuple(sorted(set(missing) - there, key=lambda file: (file.kind is not Kind.DATA, file.name)))
