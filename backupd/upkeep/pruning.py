"""Retention carried out: what the rules of `core.retention` let go is moved into the trash, journalled and told.

Killed at any instruction, the next opening of the records finishes the drop that was under way.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import PurePosixPath

from backupd.archive import Archive
from backupd.catalog import Catalog
from backupd.core import events
from backupd.core.agreement import standing_disagreement
from backupd.core.clock import Clock
from backupd.core.errors import RecordDamaged
from backupd.core.facts import Dropped
from backupd.core.manifest import Manifest
from backupd.core.ports import Journal
from backupd.core.records import Dropping
from backupd.core.retention import Drop, Keep, Pruning, Rules, judge, refused
from backupd.upkeep.recording import OpenRecords


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
            pruning = await self._unless_a_keeper_is_gone(await self._agreed(catalog))
            if pruning.refusal is not None:
                self.tell(events.PruningRefused(self.org, pruning.refusal.text))
                return pruning
            for drop in pruning.drops:
                await self._drop(drop, journal, catalog)
            await self._empty_trash()
        return pruning

    async def _agreed(self, catalog: Catalog) -> Pruning:
        """Judge by a catalog that the manifests of what goes bear out. Raises RecordDamaged if none can be had."""
        pruning = await self.judge(catalog)
        doubt = await self._doubt(pruning, catalog)
        if doubt is None and pruning.drops and await self.archive.count(self.org) > len(pruning.verdicts):
            doubt = "it does not know of every snapshot"
        if doubt is not None:
            await catalog.rebuild(f"the archive speaks against it: {doubt}")
            pruning = await self.judge(catalog)
            doubt = await self._doubt(pruning, catalog)
        if doubt is not None:
            raise RecordDamaged(f"{self.org}: nothing is dropped: a new catalog, too, is wrong: {doubt}")
        return pruning

    async def _doubt(self, pruning: Pruning, catalog: Catalog) -> str | None:
        snapshots = [] if pruning.refusal else [drop.snapshot for drop in pruning.drops]
        known = await catalog.archived(self.org, [snapshot.job for snapshot in snapshots])
        for snapshot in snapshots:
            doubt = standing_disagreement(snapshot, await self.archive.look(PurePosixPath(snapshot.path)))
            if doubt is not None or snapshot.job not in known:
                return doubt or f"it does not find {snapshot.path} again"
        return None

    async def _unless_a_keeper_is_gone(self, pruning: Pruning) -> Pruning:
        """Refuse where a snapshot that stays, so that others may go, is not there or cannot be read."""
        if not pruning.drops:
            return pruning
        for verdict in pruning.verdicts:
            path = verdict.snapshot.path
            if isinstance(verdict, Keep) and verdict.snapshot.is_sound:
                found = await self.archive.look(PurePosixPath(path))
                if not isinstance(found.record, Manifest):
                    return refused(pruning, f"{path}, which would stay, is not there or cannot be read")
        return pruning

    async def _drop(self, drop: Drop, journal: Journal, catalog: Catalog) -> None:
        job, path = drop.snapshot.job, drop.snapshot.path
        known = (await catalog.archived(self.org, [job]))[job]
        rules = tuple(reason.rule for reason in drop.reasons)
        dropping = Dropping(PurePosixPath(path), job, known.revision, known.manifest_sha256, rules, at=self.clock.now())
        await self.archive.drop(dropping)
        await _record(self.org, dropping, journal, catalog)
        await self.archive.forget(dropping)
        self.tell(events.SnapshotDropped(self.org, job.job, path, ", ".join(rules)))

    async def _empty_trash(self) -> None:
        count = await self.archive.empty_trash(self.org, before=self.clock.now() - self.trash_for)
        if count:
            self.tell(events.TrashEmptied(self.org, count))


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
