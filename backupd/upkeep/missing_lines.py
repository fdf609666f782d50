"""Lines that the journal lacks of snapshots that exist: lost with its tail, or with the whole journal; appended again.

Publishing is the commit, and the journal follows. A snapshot that is not as its own records say is vouched for by no
line: `verify` tells of it.
"""

import asyncio
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import PurePosixPath

from backupd.archive import Archive
from backupd.archive.inventory import take_inventory
from backupd.catalog import Catalog
from backupd.core import events
from backupd.core.audit import judge_folder
from backupd.core.errors import ArchiveError
from backupd.core.manifest import Manifest
from backupd.core.ports import Journal
from backupd.core.records import PublishedSnapshot

_BATCH = 500  # lines fsynced together


async def append_missing_lines(
    org: str,
    archive: Archive,
    journal: Journal,
    catalog: Catalog,
    tell: events.Tell,
    *,
    seen: Iterable[PurePosixPath] = (),
) -> None:
    """Let the journal tell of each snapshot that the catalog, or who has `seen` it, knows and the journal does not.

    Call under the org's lock, with both brought up to date. Raises ArchiveError.
    """
    paths = iter(dict.fromkeys((*await catalog.later.unrecorded(org), *seen)))
    while batch := tuple(islice(paths, _BATCH)):
        found = [await _unrecorded(org, path, archive, catalog) for path in batch]
        await _append(org, [snapshot for snapshot in found if snapshot is not None], journal, catalog, tell)


async def _append(
    org: str, snapshots: Sequence[PublishedSnapshot], journal: Journal, catalog: Catalog, tell: events.Tell
) -> None:
    lines = await journal.append(*(snapshot.fact for snapshot in snapshots))
    for line, snapshot in zip(lines, snapshots, strict=True):
        await catalog.record(org, (line,), snapshot)
        tell(events.JournalMended(org, "appended", f"the line that tells of {snapshot.path}"))


async def _unrecorded(org: str, path: PurePosixPath, archive: Archive, catalog: Catalog) -> PublishedSnapshot | None:
    """Return what a snapshot's line would tell, if it lacks, and the snapshot's records agree with each other."""
    try:
        inventory = await asyncio.to_thread(take_inventory, archive.root, path)
    except ArchiveError:
        return None
    manifest = inventory.record
    if not isinstance(manifest, Manifest) or manifest.org != org or any(judge_folder(inventory)):
        return None
    known = (await catalog.archived(org, [manifest.job])).get(manifest.job)
    if known is not None and (known.path != path or known.recorded_revision >= manifest.revision):
        return None
    if await archive.is_being_published(org, manifest.job):
        return None  # the cycle that finishes it writes its own line
    return PublishedSnapshot(path, manifest, inventory.manifest_sha256, added=())
