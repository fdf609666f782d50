"""What `status` is about, gathered from catalog, staging, disk and the daemon's own words."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from backupd.app import Library
from backupd.archive.glance import Growing, glance, look_at_disk
from backupd.catalog import OrgTotals
from backupd.cli.reading import Reading
from backupd.cli.safety import OrgStatus, UnderWay
from backupd.core.model import FileId
from backupd.core.names import STATE
from backupd.core.records import RememberedOffer
from backupd.notify import ServiceState, read_state

_MISSED_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that is told."""

    now: datetime
    root: Path
    snapshots: int
    files: int
    size: int  # bytes
    free: int  # bytes
    every: timedelta  # between polls, as set
    service: ServiceState | None
    orgs: tuple[OrgStatus, ...]


async def gather(opened: Reading) -> Overview:
    """Find it all out."""
    settings, library = opened.settings, opened.library
    totals = {org.org: org for org in await library.catalog.totals()}
    service = await asyncio.to_thread(read_state, library.root / STATE / "service.json")
    configured = list(settings.orgs)
    names = [*configured, *sorted({*totals, *await library.archive.orgs()} - set(configured))]
    orgs = [await _org(name, library, totals.get(name), service, configured=name in settings.orgs) for name in names]
    return Overview(
        now=library.clock.now(),
        root=library.root,
        snapshots=sum(org.snapshots for org in totals.values()),
        files=sum(org.files for org in totals.values()),
        size=sum(org.size for org in totals.values()),
        free=look_at_disk(library.root).free,
        every=settings.poll.every,
        service=service,
        orgs=tuple(orgs),
    )


async def _org(
    org: str, library: Library, totals: OrgTotals | None, service: ServiceState | None, *, configured: bool
) -> OrgStatus:
    catalog = library.catalog
    newest = await catalog.snapshots(org, limit=1)
    pending = await catalog.pending(org)
    archived = await catalog.archived(org, [job.offer.job for job in pending])
    growing = await asyncio.to_thread(glance, library.root, org) if pending else {}
    return OrgStatus(
        org=org,
        configured=configured,
        newest=newest[0] if newest else None,
        totals=totals,
        under_way=tuple(
            _under_way(job, archived[job.offer.job].files if job.offer.job in archived else frozenset(), growing)
            for job in pending
        ),
        missed=await catalog.missed(org, limit=_MISSED_SHOWN),
        next_poll=service.next_polls.get(org) if service else None,
    )


def _under_way(job: RememberedOffer, archived: frozenset[FileId], growing: Mapping[str, Growing]) -> UnderWay:
    in_hand = growing.get(job.offer.job.job)
    whole = archived | (in_hand.whole if in_hand else frozenset())
    return UnderWay(
        job=job.offer.job,
        expires_at=job.offer.expires_at,
        files=len(job.offer.links),
        missing=tuple(link.file for link in job.offer.links if link.file not in whole),
        received=in_hand.received if in_hand else None,
    )
