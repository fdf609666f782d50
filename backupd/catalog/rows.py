"""What the catalog answers; the values are the common ones, so that page, status and metrics share them."""

from backupd.core.listing import FileRow, MissedJob, OrgTotals, SnapshotRow

__all__ = ["FileRow", "MissedJob", "OrgTotals", "SnapshotRow"]
