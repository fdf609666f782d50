"""One job: every file of it into staging, whole, and then the one step that publishes it.

Used by `cycle`. Files are fetched at once and do not disturb each other: what fails is returned, not raised.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.errors import AccessRefused, BackupdError, LinkDead, RecordDamaged, ScopeMissing, ZipRejected
from backupd.core.model import FileId, HistoryEntry, Link, Received, Schedule, Taken
from backupd.core.names import MANIFEST
from backupd.core.plan import Fetch, Step
from backupd.core.ports import Archive, Downloads, Staging, Vendor
from backupd.core.records import ArchivedJob, PublishedSnapshot
from backupd.core.times import history_needed_back_to, taken, to_text


@dataclass(frozen=True, slots=True)
class JobArchiver:
    """Carries out a `Fetch`."""

    org: str
    vendor: Vendor
    downloads: Downloads
    archive: Archive
    clock: Clock
    tell: events.Tell

    async def stage(self, step: Step) -> Staging:
        """Open the job's staging, or go on in it. Raises ArchiveError."""
        return await self.archive.stage(
            self.org,
            step.job,
            expires_at=step.remembered.offer.expires_at,
            first_seen_at=step.remembered.first_seen_at,
            into=step.archived.path if step.archived else None,
        )

    async def fetch(self, step: Fetch, staging: Staging, *, hidden: bool) -> Mapping[FileId, BackupdError]:
        """Leave every file of the step whole in staging; return why some are not.

        `hidden` says that the vendor shows other links only: a refusal then speaks of the link, not of the credentials.
        """
        failures: dict[FileId, BackupdError] = {}

        async def fetch_one(link: Link) -> None:
            try:
                await self._fetch_file(link, staging, deadline=step.remembered.offer.expires_at)
            except BackupdError as raised:
                error = failures[link.file] = _of_dead_link(raised) if hidden else raised
                self.tell(
                    events.FileFailed(self.org, link.job.job, str(link.file), error.kind, str(error), error.advice)
                )

        async with asyncio.TaskGroup() as group:
            for link in step.links:
                group.create_task(fetch_one(link), name=f"fetch {self.org} {link.file}")
        return failures

    async def publish(
        self, step: Step, staging: Staging, schedule: Schedule | None, missing: tuple[FileId, ...]
    ) -> PublishedSnapshot:
        """Make the snapshot exist, or the new files part of it; with files missing, as a partial one.

        Raises ArchiveError, RecordDamaged.
        """
        if step.archived is not None:
            await self._see_unchanged(step.archived)
        offer = step.remembered.offer
        when = await self._taken(offer.expires_at, step.remembered.first_seen_at)
        return await staging.publish(taken=when, expires_at=offer.expires_at, schedule=schedule, missing=missing)

    async def _see_unchanged(self, archived: ArchivedJob) -> None:
        """See that the manifest to be revised is the one that the journal tells of: no new one vouches for another."""
        found = await self.archive.look(archived.path)
        if isinstance(found.record, RecordDamaged):
            raise found.record
        if archived.manifest_sha256 not in ("", found.manifest_sha256):
            raise RecordDamaged(f"{archived.path / MANIFEST}: it is not the one that the journal tells of")

    async def _fetch_file(self, link: Link, staging: Staging, *, deadline: datetime) -> None:
        """Fetch until the file is whole; a damaged one anew and from zero, as often as the rules allow."""
        while link.file not in staging.whole():
            self._respect_rejections(link, staging)
            try:
                received = await self.downloads.fetch(link, staging.slot(link.file), deadline=deadline)
            except ZipRejected as error:
                rejection = await staging.reject(link.file, error)
                self.tell(
                    events.FileRejected(
                        self.org, link.job.job, str(link.file), str(error), rejection.count, rejection.retry_at
                    )
                )
                continue
            await staging.accept(received)
            self._tell_verified(link, received)

    def _respect_rejections(self, link: Link, staging: Staging) -> None:
        before = staging.rejection(link.file)
        if before is not None and before.retry_at > self.clock.now():
            message = (
                f"{self.org}: {link.file} of job {link.job} was damaged {before.count} times; "
                f"it is fetched again after {to_text(before.retry_at)}"
            )
            raise ZipRejected(message, reason="rejected_before")

    async def _taken(self, expires_at: datetime, first_seen_at: datetime) -> Taken:
        """Find out when the backup was taken; without the vendor's history the answer is only less exact."""
        entries: list[HistoryEntry] = []
        try:
            async for entry in self.vendor.history():
                entries.append(entry)
                if entry.at is not None and entry.at < history_needed_back_to(expires_at):
                    break
        except BackupdError as error:
            self.tell(events.HistoryUnavailable(self.org, str(error)))
        return taken(expires_at, first_seen_at, entries)

    def _tell_verified(self, link: Link, received: Received) -> None:
        self.tell(
            events.FileVerified(
                self.org,
                link.job.job,
                str(link.file),
                size=received.size,
                members=received.checked.members,
                sha256=received.sha256,
                attempts=received.attempts,
                resumed=received.resumed_bytes,
                seconds=received.seconds,
            )
        )


def _of_dead_link(error: BackupdError) -> BackupdError:
    if isinstance(error, AccessRefused) and not isinstance(error, ScopeMissing):
        return LinkDead(f"{error}; the vendor no longer shows this job", advice="It is tried until its links expire.")
    return error
