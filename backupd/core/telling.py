"""What a cycle has to tell, as events, out of what it found and did. Tells nobody itself."""

from collections.abc import Iterator

from backupd.core.events import (
    CycleFinished,
    Event,
    ExpiryChanged,
    JobFound,
    JobPublished,
    JobRevised,
    LinksAppeared,
    SnapshotHealed,
)
from backupd.core.facts import LinksSeen
from backupd.core.outcome import Outcome
from backupd.core.records import PublishedSnapshot, RememberedOffer


def of_links(org: str, new: LinksSeen, known: RememberedOffer | None) -> Iterator[Event]:
    """Say what is new about a job's links."""
    job_id = new.job.job
    if known is None:
        yield JobFound(org, job_id, len(new.links), new.expires_at)
        return
    if known.offer.expires_at != new.expires_at:
        yield ExpiryChanged(org, job_id, known.offer.expires_at, new.expires_at)
    if new.links:
        yield LinksAppeared(org, job_id, len(new.links))


def of_snapshot(org: str, snapshot: PublishedSnapshot, seconds: float) -> Event:
    """Say that a snapshot was published, or revised."""
    manifest, path = snapshot.manifest, str(snapshot.path)
    job_id, files, size = manifest.job.job, len(snapshot.added), snapshot.added_size
    if manifest.revision == 1:
        return JobPublished(org, job_id, path, files, size, seconds, len(manifest.missing))
    if snapshot.healed:
        return SnapshotHealed(org, job_id, path, manifest.revision, len(snapshot.healed))
    return JobRevised(org, job_id, path, manifest.revision, files, size)


def of_outcome(org: str, outcome: Outcome, seconds: float, journal_head: str) -> Event:
    """Say how a cycle ended."""
    return CycleFinished(
        org,
        outcome.result,
        int(outcome.exit_status),
        jobs=len(outcome.published),
        files=sum(len(snapshot.added) for snapshot in outcome.published),
        size=sum(snapshot.added_size for snapshot in outcome.published),
        seconds=seconds,
        journal_head=journal_head,
    )
