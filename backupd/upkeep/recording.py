"""What audits found, into journal and catalog: one line a snapshot, under the org's lock."""

from collections.abc import Awaitable, Callable, Iterable

from backupd.catalog import Catalog
from backupd.core.facts import Scrubbed
from backupd.core.ports import Journal
from backupd.upkeep.auditing import Audit

OpenRecords = Callable[[], Awaitable[tuple[Journal, Catalog]]]
"""Opens an org's journal and the catalog for writing, both brought up to date; called under the org's lock."""


async def record_audits(org: str, audits: Iterable[Audit], journal: Journal, catalog: Catalog) -> None:
    """Write down what was read and what was damaged, unless the snapshot changed since, or is gone from the catalog.

    What could not be read counts as damaged until it can be read: nobody can rely on it.
    """
    facts = [fact for audit in audits if (fact := await _fact(org, audit, catalog)) is not None]
    if facts:
        await catalog.record(org, await journal.append(*facts))


async def _fact(org: str, audit: Audit, catalog: Catalog) -> Scrubbed | None:
    if audit.job is None:
        return await _without_manifest(org, audit, catalog)
    known = (await catalog.archived(org, [audit.job])).get(audit.job)
    if not audit.tells or known is None or known.path != audit.path or known.revision != audit.revision:
        return None
    damaged = (*audit.damaged, *audit.unreadable)
    return Scrubbed(audit.job, len(audit.read), damaged, audit.read, audit.other)


async def _without_manifest(org: str, audit: Audit, catalog: Catalog) -> Scrubbed | None:
    """Where folder or manifest are gone, all that the catalog knows to be there cannot be relied on."""
    job = await catalog.job_at(audit.path)
    known = (await catalog.archived(org, [job])).get(job) if job is not None else None
    if job is None or known is None:
        return None
    other = tuple(sorted({finding.name for finding in audit.findings}))
    return Scrubbed(job, 0, tuple(sorted(known.files, key=str)), (), other)
