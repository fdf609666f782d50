"""What the page needs to know, kept by `survey`."""

from datetime import datetime
from typing import Protocol

from backupd.core.errors import RecordDamaged
from backupd.core.listing import FileRow, SnapshotRow
from backupd.core.manifest import Manifest
from backupd.core.overview import Overview
from backupd.core.reconcile import Reconciled


class Facts(Protocol):
    """How things stand. Every method raises ArchiveError."""

    async def overview(self) -> Overview:
        """Find out how all orgs are."""

    async def runs(self, org: str, *, since: datetime) -> Reconciled:
        """Return what became of each run of the vendor since then."""

    async def snapshots(self, org: str, *, limit: int, after: str = "") -> tuple[SnapshotRow, ...]:
        """Return an org's snapshots, newest first, from behind the one at the path `after` on. Raises UsageError."""

    async def snapshot(self, path: str) -> tuple[SnapshotRow, tuple[FileRow, ...], Manifest | RecordDamaged]:
        """Return one snapshot: its row, its files and its manifest. Raises UsageError if there is none."""
