"""The vendor's history: kept for good, since the vendor forgets it after a year, and compared with the archive.

Used by `watch` once a day, and by `backupd reconcile`; what it says of each run is decided by `core.reconcile`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.conditions import Condition, Finding, runs_lost
from backupd.core.facts import HistoryRead, HistorySeen
from backupd.core.model import HistoryEntry
from backupd.core.ports import Catalog, Journal, Vendor
from backupd.core.reconcile import Reconciled, reconcile


async def read_all(vendor: Vendor) -> tuple[HistoryEntry, ...]:
    """Read every page of the vendor's history. Raises VendorError."""
    return tuple([entry async for entry in vendor.history()])


async def compare(org: str, catalog: Catalog, clock: Clock, *, back_to: datetime | None = None) -> Reconciled:
    """Say what became of each run that is known of, or since then, out of the catalog alone. Raises ArchiveError."""
    now = clock.now()
    began = (await catalog.watched.chronicle(org)).began_at or now
    jobs = await catalog.watched.known_jobs(org, since=back_to)
    history = [entry for entry in await catalog.history(org) if not (back_to and entry.at and entry.at < back_to)]
    return reconcile(history, jobs, since=began, now=now)


async def newly_lost(org: str, catalog: Catalog, runs: Reconciled) -> tuple[Finding, ...]:
    """Return the runs that were lost and of which no alarm was ever raised. Raises ArchiveError."""
    known = await catalog.watched.alarmed(org, Condition.RUN_LOST)
    return tuple(finding for finding in runs_lost(runs.rows) if finding.key not in known)


@dataclass(frozen=True, slots=True)
class Historian:
    """Writes an org's history down. Under the org's lock only."""

    org: str
    journal: Journal
    catalog: Catalog
    clock: Clock
    tell: events.Tell

    async def take_in(self, entries: Sequence[HistoryEntry], *, back_to: datetime | None = None) -> Reconciled:
        """Keep what is new in the vendor's whole history, tell of new failures, compare. Raises ArchiveError."""
        known = {entry.id: entry for entry in await self.catalog.history(self.org)}
        new = [entry for entry in reversed(entries) if known.get(entry.id) != entry]
        began = (await self.catalog.watched.chronicle(self.org)).began_at
        for entry in new:  # told before it is written down: a crash in between tells it twice, and not never
            if entry.state == "failure" and entry.at is not None and began is not None and entry.at >= began:
                self.tell(events.RunFailed(self.org, entry.at))
        lines = await self.journal.append(*map(HistorySeen, new), HistoryRead(len(entries)))
        await self.catalog.record(self.org, lines)
        runs = await compare(self.org, self.catalog, self.clock, back_to=back_to)
        self.tell(events.HistoryReconciled(self.org, len(entries), len(new), len(runs.gaps)))
        return runs
