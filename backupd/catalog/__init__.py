"""The catalog: a SQLite index over manifests and journals, for quick answers. Delete it and it is rebuilt."""

from backupd.catalog.catalog import Catalog, JournalView, Snapshots
from backupd.catalog.rows import FileRow, MissedJob, OrgTotals, SnapshotRow

__all__ = ["Catalog", "FileRow", "JournalView", "MissedJob", "OrgTotals", "SnapshotRow", "Snapshots"]
