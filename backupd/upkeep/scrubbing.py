"""Reading the archive again, a portion at a time, so that rot is found while it can still be healed.

Files are read without the lock, as any reader may; it is taken only to write down what was found. Damage is told at
once. A damaged file whose link lives is fetched again by the org's next cycle.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from pathlib import Path, PurePosixPath

from backupd.archive import Archive
from backupd.catalog import Catalog
from backupd.core import events
from backupd.core.audit import Finding, Outcome
from backupd.core.clock import Clock
from backupd.core.errors import ArchiveBusy
from backupd.core.listing import LastRead
from backupd.core.model import FileId
from backupd.core.portion import due_before, portion, quota
from backupd.upkeep.alarming import alarm_changes, ring
from backupd.upkeep.auditing import FOLDER, Audit, Auditor, Read
from backupd.upkeep.recording import OpenRecords, record_audits

_DAY = timedelta(days=1)
_PAGE = 10_000  # files looked at for one portion
_AILING = 100  # snapshots looked at in one go, besides
_PAUSE = 30.0  # seconds until the lock is tried again
_TRIES = 960  # of them: as long as a cycle may hold it


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Reads one org's snapshots again."""

    org: str
    root: Path
    every: timedelta  # each file once in so long
    round: timedelta  # between two runs
    archive: Archive
    catalog: Catalog  # for reading
    open_records: OpenRecords
    read: Read
    clock: Clock
    tell: events.Tell

    async def run(self) -> tuple[Audit, ...]:
        """Read the next portion again, tell damage at once, and write down what was found. Raises ArchiveError."""
        started = self.clock.monotonic()
        files = await self._next()
        ailing = [path for path in await self._ailing() if path not in {file.snapshot for file in files}]
        audits = [await self._audit(path, frozenset({FOLDER})) for path in ailing]
        for path, group in groupby(sorted(files, key=lambda file: str(file.snapshot)), lambda file: file.snapshot):
            audit = await self._audit(path, frozenset({FOLDER, *(file.file for file in group)}))
            self._tell_bad(audit)
            audits.append(audit)
        if audits or await self._is_to_ring():
            await self._record(audits)
        if files:
            size, damaged = sum(audit.size for audit in audits), sum(len(audit.damaged) for audit in audits)
            seconds = self.clock.monotonic() - started
            self.tell(events.ScrubFinished(self.org, len(files), size, damaged, seconds))
        return tuple(audits)

    async def _audit(self, path: PurePosixPath, chosen: frozenset[FileId]) -> Audit:
        return await Auditor(self.root, self.read, lambda _, file: file in chosen).audit(path)

    async def _ailing(self) -> tuple[PurePosixPath, ...]:
        """Return what is known not to be as it should, to see once a day whether somebody mended it."""
        return await self.catalog.later.ailing(self.org, before=self.clock.now() - _DAY, limit=_AILING)

    async def _next(self) -> tuple[LastRead, ...]:
        """Return what was not read for longest; and, once a day, what could not be read."""
        now, later = self.clock.now(), self.catalog.later
        before = due_before(now, self.every)
        total = sum(org.size for org in await self.catalog.totals() if org.org == self.org)
        waiting = await later.unread(self.org, before=before)
        limit = quota(waiting, total, now=now, every=self.every, since=self.round)
        unread = await later.longest_unread(self.org, before=before, limit=_PAGE)
        refused = await later.unreadable(self.org, before=now - _DAY, limit=_PAGE)
        # what cannot be read takes no other file's turn
        return (*portion(unread, limit), *portion(refused, limit))

    async def _is_to_ring(self) -> bool:
        """Tell whether an alarm about damage is to be told, again or at all: no cycle may run for the org."""
        return bool(await alarm_changes(self.org, self.catalog, self.clock.now()))

    def _tell_bad(self, audit: Audit) -> None:
        for finding in audit.findings:
            self.tell(_event(self.org, audit, finding))

    async def _record(self, audits: list[Audit]) -> None:
        """Write it down, and raise the alarm, as soon as the lock is free: what was read must not be read again."""
        for _ in range(_TRIES):
            try:
                async with self.archive.lock(self.org, what="scrub"):
                    journal, catalog = await self.open_records()
                    await record_audits(self.org, audits, journal, catalog)
                    await ring(self.org, journal, catalog, self.clock, self.tell)
                    return
            except ArchiveBusy:
                await self.clock.sleep(_PAUSE)


def _event(org: str, audit: Audit, finding: Finding) -> events.Event:
    kind = events.FileDamaged if finding.outcome is Outcome.FAILED else events.FileUnreadable
    job = audit.job.job if audit.job else ""
    return kind(org, job, str(audit.path), finding.name, finding.problem)
