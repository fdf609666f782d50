"""What audits found, into journal and catalog: one line a snapshot, under the org's lock."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from backupd.catalog import Catalog
from backupd.catalog.asking_later import Place
from backupd.core.facts import Scrubbed
from backupd.core.model import JobId
from backupd.core.ports import Journal
from backupd.core.records import ArchivedJob
from backupd.upkeep.auditing import Audit

OpenRecords = Callable[[], Awaitable[tuple[Journal, Catalog]]]
"""Opens an org's journal and the catalog for writing, both brought up to date; called under the org's lock."""


async def record_audits(org: str, audits: Iterable[Audit], journal: Journal, catalog: Catalog) -> None:
    """Write down what was read and what was damaged, unless the snapshot changed since, or was dropped.

    A snapshot that is gone, or whose manifest cannot be read, is known by its place. One that can be read again is
    taken in anew.
    """
    telling = [audit for audit in audits if audit.tells]
    paths = [audit.path for audit in telling]
    places = await catalog.later.at(org, paths)
    back = [audit.path for audit in telling if audit.job and audit.path in places and not places[audit.path].readable]
    if back:
        await catalog.rebuild(f"the archive speaks against it: the manifest of {back[0]} can be read")
        places = await catalog.later.at(org, paths)
    known = await catalog.archived(org, {place.job for place in places.values()})
    facts = tuple(_facts(telling, places, known))
    if facts:
        await catalog.record(org, await journal.append(*facts))


def _facts(
    audits: Iterable[Audit], places: Mapping[PurePosixPath, Place], known: Mapping[JobId, ArchivedJob]
) -> Iterator[Scrubbed]:
    for audit in audits:
        job = places[audit.path].job if audit.path in places else None
        if job is None or job not in known:
            continue
        unread = audit.unreadable if audit.job is not None else tuple(sorted(known[job].files))
        if audit.job is None or (audit.job == job and audit.revision == known[job].revision):
            yield Scrubbed(job, len(audit.read), audit.damaged, audit.read, audit.other, unread)
