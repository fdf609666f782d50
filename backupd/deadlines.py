"""Hears how jobs grow, and tells when the links of one that is not complete are about to die: once a step.

A listener to events, since one cycle of the daemon may last until the links die. It tells only of a job that has
trouble: a try that failed, or a pace that will not do. `core.deadlines` decides; `watch` writes down what was told.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.deadlines import Growing, Outlook, Told, escalate, outlook
from backupd.core.facts import DeadlineTold
from backupd.core.manifest import ManifestFile
from backupd.core.model import FileId, JobId
from backupd.core.plan import Fetch

_HOUR = timedelta(hours=1)


@dataclass(slots=True)
class _Job:
    """One job that is being fetched."""

    job: JobId
    expires_at: datetime
    told: Told | None
    files: dict[str, Growing]  # those that were not whole at the beginning, by `kind/name`
    since: float  # running time
    gained: int = 0  # bytes that came since then


@dataclass(slots=True)
class Deadlines:
    """The deadlines of all orgs."""

    clock: Clock
    tell: events.Tell
    _jobs: dict[tuple[str, str], _Job] = field(default_factory=dict)
    _told: dict[str, list[DeadlineTold]] = field(default_factory=dict)

    def begin(self, org: str, step: Fetch, whole: Mapping[FileId, ManifestFile]) -> None:
        """Look after a job from now on, until it is archived or missed; `whole`: what of it is in staging already."""
        files = {str(link.file): Growing(0, None) for link in step.links if link.file not in whole}
        seen = step.remembered
        before = self._jobs.get((org, step.job.job))
        told = before.told if before and before.told else seen.told
        self._jobs[org, step.job.job] = _Job(step.job, seen.offer.expires_at, told, files, self.clock.monotonic())

    def end(self, org: str, job: JobId) -> None:
        """Look after a job no longer."""
        self._jobs.pop((org, job.job), None)

    def take_told(self, org: str) -> tuple[DeadlineTold, ...]:
        """Return what was told since the last call, to be written down."""
        return tuple(self._told.pop(org, ()))

    def hear(self, event: events.Event) -> None:
        """Take note of what came, and tell if it is time."""
        match event:
            case events.FileProgress():
                job = self._jobs.get((event.org, event.job_id))
                if job:
                    self._grow(job, event.file, event.received, event.total)
                    self._look(event.org, job, in_trouble=False)
            case events.FileVerified():
                job = self._jobs.get((event.org, event.job_id))
                if job:
                    self._grow(job, event.file, event.size, event.size)
            case events.FileRetrying() | events.FileRejected() | events.FileFailed() | events.JobIncomplete():
                job = self._jobs.get((event.org, event.job_id))
                if job:
                    self._look(event.org, job, in_trouble=True)
            case events.DownloadsPaused():
                for (org, _), job in self._jobs.items():
                    self._look(org, job, in_trouble=True)
            case _:
                pass

    def _grow(self, job: _Job, file: str, received: int, total: int | None) -> None:
        before = job.files.get(file, Growing(0, None))
        if before.received:  # what was in hand at the beginning did not come now
            job.gained += max(0, received - before.received)
        job.files[file] = Growing(received, total)

    def _look(self, org: str, job: _Job, *, in_trouble: bool) -> None:
        now = self.clock.now()
        told, step = escalate(job.told, expires_at=job.expires_at, now=now)
        if step is None:
            return
        found = self._outlook(job, now)
        if not in_trouble and found.in_time is not False:
            return
        job.told = told
        self._told.setdefault(org, []).append(
            DeadlineTold(job.job, told.expires_at if told else job.expires_at, int(step.total_seconds()))
        )
        missing = sum(file.total is None or file.received < file.total for file in job.files.values())
        self.tell(
            events.DeadlineNear(
                org,
                job.job.job,
                step=step // _HOUR,
                expires_at=job.expires_at,
                left=found.left.total_seconds(),
                needed=found.needed.total_seconds() if found.needed is not None else None,
                missing=missing,
            )
        )

    def _outlook(self, job: _Job, now: datetime) -> Outlook:
        seconds = self.clock.monotonic() - job.since
        rate = job.gained / seconds if seconds > 0 else None
        return outlook(job.files.values(), rate=rate, expires_at=job.expires_at, now=now)
