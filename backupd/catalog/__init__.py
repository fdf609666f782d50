"""The catalog: a SQLite index over manifests and journals, for quick answers. Delete it and it is rebuilt."""

from backupd.catalog.catalog import Catalog
from backupd.catalog.rows import FileRow, MissedJob, OrgTotals, SnapshotRow
from backupd.catalog.sources import JournalView, Snapshots

__all__ = ["Catalog", "FileRow", "JournalView", "MissedJob", "OrgTotals", "SnapshotRow", "Snapshots"]
