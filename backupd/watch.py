"""Watches over one org: after each cycle, what is wrong for longer than a moment; once a day, whether a run got lost.

Used by `cycle`, under its lock. `core.observation` decides what is wrong, `core.alarms` what to tell of it; the journal
keeps what was told, so that a restart, or the next run from cron, goes on from there.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from backupd.bell import Bell
from backupd.core import events
from backupd.core.clock import Clock
from backupd.core.conditions import job_missed_key
from backupd.core.errors import VendorError
from backupd.core.facts import Began, DeadlineTold
from backupd.core.observation import Asked, Observation, is_due, judge_observation, no_longer_lost
from backupd.core.outcome import Outcome
from backupd.core.ports import Catalog, Journal, Vendor
from backupd.core.pulse import Pulse
from backupd.core.reconcile import Reconciled
from backupd.core.records import Chronicle
from backupd.history import Historian, newly_lost, read_all

_VENDOR_REMEMBERS = timedelta(days=400)  # a year, and more than enough; what is older was told when it was news


@dataclass(frozen=True, slots=True)
class Watch:
    """One look at one org."""

    org: str
    vendor: Vendor
    journal: Journal
    catalog: Catalog
    clock: Clock
    tell: events.Tell
    expect_every: timedelta | None

    async def look(self, asked: Asked, outcome: Outcome, pulse: Pulse, told: tuple[DeadlineTold, ...]) -> None:
        """Judge how the org is after a cycle; `pulse` is what was known of its polls before. Raises ArchiveError."""
        now = self.clock.now()
        times = await self._begun(told)
        began = times.began_at or now
        runs = await self._reconcile(times.reconciled_at or began, asked, outcome, now)
        bell = Bell(self.org, self.journal, self.catalog, self.clock, self.tell)
        seen = Observation(
            asked,
            outcome.problems,
            last_new_at=max(times.new_job_at or began, began),
            failing_since=None if asked.links_known and asked.schedule_known else pulse.failing_since or now,
            reconciled_at=now if runs else times.reconciled_at or began,
            missed=await self.catalog.watched.missed_untold(self.org),
            damaged=await self.catalog.watched.damaged(self.org),
            lost=await newly_lost(self.org, self.catalog, runs) if runs else (),
        )
        judged = judge_observation(seen, expect_every=self.expect_every, now=now)
        over = no_longer_lost(await self.catalog.watched.alarms(self.org), runs) | _archived(outcome)
        await bell.ring(judged.findings, looked=judged.looked, over=over)

    async def _begun(self, told: tuple[DeadlineTold, ...]) -> Chronicle:
        """Write down what was told of deadlines, and, in an empty journal, that this archive begins."""
        times = await self.catalog.watched.chronicle(self.org)
        facts = (*told, *(() if times.began_at else (Began(),)))
        if not facts:
            return times
        await self.catalog.record(self.org, await self.journal.append(*facts))
        return await self.catalog.watched.chronicle(self.org)

    async def _reconcile(self, last: datetime, asked: Asked, outcome: Outcome, now: datetime) -> Reconciled | None:
        """Read the vendor's history once a day, in a cycle that had nothing else to do; None: not now."""
        if not asked.links_known or outcome.published or not is_due(last, now):
            return None
        try:
            entries = await read_all(self.vendor)
        except VendorError as error:
            self.tell(events.HistoryUnavailable(self.org, str(error)))
            return None
        historian = Historian(self.org, self.journal, self.catalog, self.clock, self.tell)
        return await historian.take_in(entries, back_to=now - _VENDOR_REMEMBERS)


def _archived(outcome: Outcome) -> frozenset[str]:
    """Return the keys of alarms about jobs that are whole by now."""
    whole = [snapshot.manifest for snapshot in outcome.published if not snapshot.manifest.partial]
    return frozenset(job_missed_key(manifest.job) for manifest in whole)
