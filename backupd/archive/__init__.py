"""The archive's folder: staging where jobs grow, the one rename that publishes them, reading back, and the lock."""

from backupd.archive.root import is_mount_point, require_root
from backupd.archive.staging import Staging
from backupd.archive.store import Archive

__all__ = ["Archive", "Staging", "is_mount_point", "require_root"]
