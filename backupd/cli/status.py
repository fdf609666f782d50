"""`backupd status`: at a glance, whether each org is safe, what is under way or in danger, and what was missed."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from backupd.app import Library
from backupd.archive.glance import Growing, glance, look_at_disk
from backupd.catalog import OrgTotals
from backupd.cli import answers, table
from backupd.cli.figures import ago, counted, instant, size, span
from backupd.cli.options import Handed, Json
from backupd.cli.reading import Reading, reading
from backupd.cli.safety import OrgStatus, State, UnderWay
from backupd.cli.table import Cell, Column, Mood
from backupd.core.model import FileId
from backupd.core.names import STATE
from backupd.core.records import RememberedOffer
from backupd.notify import ServiceState, read_state

_COLUMNS = (Column("ORG"), Column("WHAT"), Column("HOW IT IS"))
_ARCHIVE = "-"  # stands where an org would, for what all orgs share
_MISSED_SHOWN = 5
_MOODS: Mapping[State, Mood] = {
    State.PROTECTED: "good",
    State.UNDER_WAY: "doubtful",
    State.IN_DANGER: "bad",
    State.UNPROTECTED: "bad",
}


@dataclass(frozen=True, slots=True)
class _Status:
    """Everything that is told."""

    now: datetime
    root: Path
    totals: tuple[OrgTotals, ...]
    free: int  # bytes
    every: float  # seconds between polls, as set
    service: ServiceState | None
    orgs: tuple[OrgStatus, ...]


async def status(*, as_json: Json = False, invocation: Handed) -> int:
    """Say whether each org is safe, and what is under way."""
    async with reading(invocation) as opened:
        found = await _gather(opened)
    if as_json:
        answers.write(_document(found))
        return 0
    shown = [org for org in found.orgs if not invocation.quiet or _MOODS[org.judge(found.now)[0]] == "bad"]
    rows = [row for org in shown for row in _org_rows(org, found)]
    if not invocation.quiet:
        rows += _archive_rows(found)
    table.write(_COLUMNS, rows)
    return 0


# --- finding out ----------------------------------------------------------------------------------------------------


async def _gather(opened: Reading) -> _Status:
    settings, library = opened.settings, opened.library
    totals = {org.org: org for org in await library.catalog.totals()}
    service = await asyncio.to_thread(read_state, library.root / STATE / "service.json")
    configured = list(settings.orgs)
    names = [*configured, *sorted({*totals, *await library.archive.orgs()} - set(configured))]
    orgs = [await _org(name, library, totals.get(name), service, configured=name in settings.orgs) for name in names]
    return _Status(
        now=library.clock.now(),
        root=library.root,
        totals=tuple(totals.values()),
        free=look_at_disk(library.root).free,
        every=settings.poll.every.total_seconds(),
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


# --- telling people -------------------------------------------------------------------------------------------------


def _org_rows(org: OrgStatus, found: _Status) -> Iterator[table.Row]:
    state, reason = org.judge(found.now)
    yield org.org, "state", Cell(f"{state}: {reason}" if reason else str(state), _MOODS[state])
    if org.newest:
        yield org.org, "newest", f"{org.newest.path}, taken {ago(org.newest.taken.at, found.now)}"
    for job in org.under_way:
        yield org.org, "under way", Cell(_words(job, found.now), "doubtful")
    for missed in org.missed:
        saved = f"{missed.saved} of {counted(missed.files, 'file')} saved"
        yield org.org, "missed", Cell(f"job {missed.job}, expired {instant(missed.expired_at)}, {saved}", "bad")
    if org.totals:
        totals = org.totals
        bad = f", {totals.damaged} damaged" if totals.damaged else ""
        yield org.org, "archived", f"{_amount(totals.snapshots, totals.files, totals.size)}{bad}"
    if not org.configured:
        yield org.org, "next poll", "never: not in the settings"
    elif org.next_poll:
        yield org.org, "next poll", ago(org.next_poll, found.now)


def _archive_rows(found: _Status) -> Iterator[table.Row]:
    amount = _amount(*(sum(getattr(org, name) for org in found.totals) for name in ("snapshots", "files", "size")))
    yield _ARCHIVE, "archive", f"{found.root}: {amount}, {size(found.free)} free"
    runs = f"runs as process {found.service.pid}" if found.service else "is not running, or out of sight"
    yield _ARCHIVE, "daemon", f"{runs}; set to poll every {_every(found.every)}"


def _words(job: UnderWay, now: datetime) -> str:
    got = f", {size(job.received)} in hand" if job.received is not None else ""
    missing = f"{len(job.missing)} of {counted(job.files, 'file')} missing{got}"
    return f"job {job.job}: {missing}, links die {ago(job.expires_at, now)}"


def _amount(snapshots: int, files: int, bytes_: int) -> str:
    return f"{counted(snapshots, 'snapshot')}, {counted(files, 'file')}, {size(bytes_)}"


def _every(seconds: float) -> str:
    return span(timedelta(seconds=seconds))


# --- telling programs -----------------------------------------------------------------------------------------------


def _document(found: _Status) -> answers.Document:
    return {
        "at": answers.instant(found.now),
        "archive": {
            "root": str(found.root),
            "snapshots": sum(org.snapshots for org in found.totals),
            "files": sum(org.files for org in found.totals),
            "size": sum(org.size for org in found.totals),
            "free": found.free,
        },
        "poll_every": found.every,
        "service": {"pid": found.service.pid} if found.service else None,
        "orgs": [_org_document(org, found.now) for org in found.orgs],
    }


def _org_document(org: OrgStatus, now: datetime) -> answers.Document:
    state, reason = org.judge(now)
    return {
        "org": org.org,
        "configured": org.configured,
        "state": str(state),
        "reason": reason,
        "newest": answers.snapshot(org.newest) if org.newest else None,
        "snapshots": org.totals.snapshots if org.totals else 0,
        "files": org.totals.files if org.totals else 0,
        "size": org.totals.size if org.totals else 0,
        "damaged": org.totals.damaged if org.totals else 0,
        "under_way": [answers.under_way(job) for job in org.under_way],
        "missed": [answers.missed(job) for job in org.missed],
        "next_poll_at": answers.instant(org.next_poll),
    }
