"""What audits found, into journal and catalog: one line a snapshot, under the org's lock."""

from collections.abc import Awaitable, Callable, Iterable

from backupd.catalog import Catalog
from backupd.core.facts import Scrubbed
from backupd.core.ports import Journal
from backupd.upkeep.auditing import Audit

OpenRecords = Callable[[], Awaitable[tuple[Journal, Catalog]]]
"""Opens an org's journal and the catalog for writing, both brought up to date; called under the org's lock."""


async def record_audits(org: str, audits: Iterable[Audit], journal: Journal, catalog: Catalog) -> None:
    """Write down what was read and what was damaged, unless the snapshot changed since, or is gone."""
    by_job = {audit.job: audit for audit in audits if audit.job is not None and audit.tells}
    known = await catalog.archived(org, by_job.keys())
    facts = []
    for job, audit in by_job.items():
        if job in known and known[job].path == audit.path and known[job].revision == audit.revision:
            facts.append(Scrubbed(job, len(audit.read), audit.damaged, audit.read, audit.other))
    if facts:
        await catalog.record(org, await journal.append(*facts))
