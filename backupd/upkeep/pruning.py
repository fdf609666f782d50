"""Retention carried out: what the rules of `core.retention` let go is moved into the trash, journalled and told.

Killed at any instruction, the next opening of the records finishes the drop that was under way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePosixPath

from backupd.archive import Archive
from backupd.catalog import Catalog
from backupd.core import events
from backupd.core.agreement import standing_disagreement
from backupd.core.audit import Outcome
from backupd.core.clock import Clock
from backupd.core.errors import ArchiveError, RecordDamaged
from backupd.core.facts import Dropped
from backupd.core.model import JobId
from backupd.core.names import staging_path
from backupd.core.ports import Journal
from backupd.core.records import ArchivedJob, Dropping
from backupd.core.retention import Pruning, Reason, Rules, Standing, judge
from backupd.upkeep.auditing import FOLDER, Auditor
from backupd.upkeep.recording import OpenRecords, record_audits
from backupd.verify import FileReading, Unreadable


@dataclass(frozen=True, slots=True)
class Pruner:
    """Prunes one org's snapshots."""

    org: str
    rules: Rules
    trash_for: timedelta
    archive: Archive
    open_records: OpenRecords
    clock: Clock
    tell: events.Tell
    skew: Callable[[], timedelta | None]  # our clock against the vendor's, if known

    async def judge(self, catalog: Catalog) -> Pruning:
        """Say what would be kept and dropped now, and why. Changes nothing."""
        return judge(
            await catalog.later.standings(self.org),
            self.rules,
            holds={hold.job: hold.reason for hold in await catalog.later.holds(self.org)},
            now=self.clock.now(),
            skew=self.skew(),
        )

    async def run(self) -> Pruning:
        """Drop what no rule keeps, and empty the trash of what has lain there long enough. Raises ArchiveError.

        Raises ArchiveBusy if another one holds the lock, RecordDamaged if catalog and manifests do not agree.
        """
        async with self.archive.lock(self.org, what="prune"):
            journal, catalog = await self.open_records()
            pruning = await self._borne_out(await self._agreed(catalog), journal, catalog)
            if pruning.refusal is not None:
                self.tell(events.PruningRefused(self.org, pruning.refusal.text))
                return pruning
            rules = tuple(reason.rule for reason in pruning.against)
            for snapshot in pruning.drops:
                await self._drop(snapshot, rules, journal, catalog)
            await self._empty_trash()
            await self._clear_missed(catalog)
        return pruning

    async def _agreed(self, catalog: Catalog) -> Pruning:
        """Judge by a catalog that the manifests of what goes bear out. Raises RecordDamaged if none can be had."""
        pruning = await self.judge(catalog)
        doubt = await self._doubt(pruning, catalog)
        if doubt is None and pruning.drops and await self.archive.count(self.org) > len(pruning.snapshots):
            doubt = "it does not know of every snapshot"
        if doubt is not None:
            await catalog.rebuild(f"the archive speaks against it: {doubt}")
            pruning = await self.judge(catalog)
            doubt = await self._doubt(pruning, catalog)
        if doubt is not None:
            raise RecordDamaged(f"{self.org}: nothing is dropped: a new catalog, too, is wrong: {doubt}")
        return pruning

    async def _borne_out(self, pruning: Pruning, journal: Journal, catalog: Catalog) -> Pruning:
        """Refuse a pruning if one of the snapshots that others go for is not there; that is written down as damage.

        Their folders and records are looked at, their zips are not read.
        """
        if not pruning.drops:
            return pruning

        async def recall(org: str, job: JobId) -> ArchivedJob | None:
            return (await catalog.archived(org, [job])).get(job)

        auditor = Auditor(self.archive.root, _read_nothing, lambda _, file: file == FOLDER, recall)
        audits = [await auditor.audit(PurePosixPath(bearer.path)) for bearer in pruning.bearers]
        bad = [audit for audit in audits if audit.outcome is not Outcome.OK]
        if not bad:
            return pruning
        await record_audits(self.org, bad, journal, catalog)
        finding = bad[0].findings[0]
        text = f"{bad[0].path}, which would be kept, is not as it should be ({finding.name}: {finding.problem})"
        return pruning.refused(Reason("damage", f"{text}: nothing is dropped"))

    async def _doubt(self, pruning: Pruning, catalog: Catalog) -> str | None:
        snapshots = pruning.drops
        known = await catalog.archived(self.org, [snapshot.job for snapshot in snapshots])
        for snapshot in snapshots:
            doubt = standing_disagreement(snapshot, await self.archive.look(PurePosixPath(snapshot.path)))
            if doubt is not None or snapshot.job not in known:
                return doubt or f"it does not find {snapshot.path} again"
        return None

    async def _drop(self, snapshot: Standing, rules: tuple[str, ...], journal: Journal, catalog: Catalog) -> None:
        job, path = snapshot.job, snapshot.path
        known = (await catalog.archived(self.org, [job]))[job]
        dropping = Dropping(PurePosixPath(path), job, known.revision, known.manifest_sha256, rules, at=self.clock.now())
        await self.archive.drop(dropping)
        await _record(self.org, dropping, journal, catalog)
        await self.archive.forget(dropping)
        self.tell(events.SnapshotDropped(self.org, job.job, path, ", ".join(rules)))

    async def _empty_trash(self) -> None:
        count = await self.archive.empty_trash(self.org, before=self.clock.now() - self.trash_for)
        if count:
            self.tell(events.TrashEmptied(self.org, count))

    async def _clear_missed(self, catalog: Catalog) -> None:
        """Remove what staging holds of jobs that were missed, in the same time as what was thrown away."""
        missed, now = {each.job for each in await catalog.missed(self.org)}, self.clock.now()
        for job in await self.archive.clear_missed(self.org, missed, now=now, before=now - self.trash_for):
            self.tell(events.StagingCleared(self.org, job.job, str(staging_path(self.org, job))))


async def _read_nothing(path: Path, _: str) -> FileReading:
    return Unreadable(ArchiveError(f"{path}: it was not to be read"))


async def finish_drops(org: str, archive: Archive, journal: Journal, catalog: Catalog, tell: events.Tell) -> None:
    """Journal the drops that a crash left without their line. Call under the org's lock. Raises ArchiveError."""
    for dropping in await archive.dropped(org):
        if dropping.job in await catalog.archived(org, [dropping.job]):
            await _record(org, dropping, journal, catalog)
            tell(events.WorkFinishedLater(org, dropping.job.job, "drop"))
        await archive.forget(dropping)


async def _record(org: str, dropping: Dropping, journal: Journal, catalog: Catalog) -> None:
    fact = Dropped(dropping.job, str(dropping.path), dropping.revision, dropping.manifest_sha256, dropping.rules)
    await catalog.record(org, await journal.append(fact))
