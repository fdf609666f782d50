"""Gathers how things stand, out of catalog, staging, disk and the daemon's own words. Changes nothing, takes no lock.

`status`, the page and the metrics all look through this, and judge by `core.overview`.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from backupd.archive import Archive
from backupd.archive.glance import Growing, glance, look_at_disk
from backupd.catalog import Catalog
from backupd.core.clock import Clock
from backupd.core.errors import RecordDamaged
from backupd.core.listing import FileRow, OrgTotals, SnapshotRow
from backupd.core.manifest import Manifest
from backupd.core.model import FileId
from backupd.core.names import STATE
from backupd.core.overview import OrgStatus, Overview, UnderWay
from backupd.core.plan import is_past_help
from backupd.core.pulse import Pulse
from backupd.core.reconcile import Reconciled, reconcile
from backupd.core.records import RememberedOffer
from backupd.notify import ServiceState, read_state

_MISSED_SHOWN = 5
_HISTORY = 5000  # entries; a year of anything that the vendor sells


@dataclass(frozen=True, slots=True)
class Survey:
    """Looks at one archive, with the eyes of these settings."""

    archive: Archive
    catalog: Catalog
    root: Path
    configured: tuple[str, ...]  # orgs
    every: timedelta  # between polls
    clock: Clock
    pulse: Callable[[str], Pulse]  # of an org; may block

    async def overview(self) -> Overview:
        """Find out how all orgs are. Raises ArchiveError."""
        totals = {org.org: org for org in await self.catalog.totals()}
        service = await asyncio.to_thread(read_state, self.root / STATE / "service.json")
        others = sorted({*totals, *await self.archive.orgs()} - set(self.configured))
        orgs = [await self._org(name, totals.get(name), service) for name in (*self.configured, *others)]
        disk = await asyncio.to_thread(look_at_disk, self.root)
        return Overview(
            now=self.clock.now(),
            root=self.root,
            snapshots=sum(org.snapshots for org in totals.values()),
            files=sum(org.files for org in totals.values()),
            size=sum(org.size for org in totals.values()),
            free=disk.free,
            every=self.every,
            daemon=service.pid if service else None,
            orgs=tuple(orgs),
        )

    async def snapshots(self, org: str, *, limit: int, after: str = "") -> tuple[SnapshotRow, ...]:
        """Return an org's snapshots, newest first, from behind the one at the path `after` on. Raises UsageError."""
        last = await self.catalog.find(after) if after else None
        return await self.catalog.snapshots(org, limit=limit, after=last)

    async def runs(self, org: str, *, since: datetime) -> Reconciled:
        """Return what became of each run of the vendor since then, as far as anybody knows of it."""
        known = await self.catalog.watched.known_jobs(org, since=since)
        history = [entry for entry in await self.catalog.history(org, limit=_HISTORY) if entry.at and entry.at >= since]
        now, times = self.clock.now(), await self.catalog.watched.chronicle(org)
        return await asyncio.to_thread(reconcile, history, known, since=times.began_at or now, now=now)

    async def snapshot(self, path: str) -> tuple[SnapshotRow, tuple[FileRow, ...], Manifest | RecordDamaged]:
        """Return one snapshot: its row, its files and its manifest. Raises UsageError if there is none."""
        row = await self.catalog.find(path)
        files = await self.catalog.files(row.path)
        return row, files, (await self.archive.look(row.path)).record

    async def _org(self, org: str, totals: OrgTotals | None, service: ServiceState | None) -> OrgStatus:
        newest = await self.catalog.snapshots(org, limit=1)
        pending = await self.catalog.pending(org)
        archived = await self.catalog.archived(org, [job.offer.job for job in pending])
        unread = await self.catalog.later.longest_unread(org, before=self.clock.now(), limit=1)
        growing = await asyncio.to_thread(glance, self.root, org) if pending else {}
        return OrgStatus(
            org=org,
            configured=org in self.configured,
            newest=newest[0] if newest else None,
            totals=totals,
            under_way=tuple(
                _under_way(job, archived[job.offer.job].files if job.offer.job in archived else frozenset(), growing)
                for job in pending
                if not is_past_help(job, archived.get(job.offer.job), self.clock.now())
            ),
            missed=await self.catalog.missed(org, limit=_MISSED_SHOWN),
            next_poll=service.next_polls.get(org) if service else None,
            every=self.every,
            pulse=await asyncio.to_thread(self.pulse, org),
            alarms=tuple((await self.catalog.watched.alarms(org)).values()),
            all_read_since=unread[0].read_at if unread else None,
        )


def _under_way(job: RememberedOffer, archived: frozenset[FileId], growing: Mapping[str, Growing]) -> UnderWay:
    in_hand = growing.get(job.offer.job.job)
    whole = archived | (in_hand.whole if in_hand else frozenset())
    return UnderWay(
        job=job.offer.job,
        first_seen_at=job.first_seen_at,
        expires_at=job.offer.expires_at,
        files=len(job.offer.links),
        missing=tuple(link.file for link in job.offer.links if link.file not in whole),
        received=in_hand.received if in_hand else None,
    )
