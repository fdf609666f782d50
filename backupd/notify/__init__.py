"""Tells others how the service is: systemd, and the state file that `backupd status` reads."""

from backupd.notify.statefile import ServiceState, read_state
from backupd.notify.systemd import Systemd
from backupd.notify.watcher import ServiceWatcher

__all__ = ["ServiceState", "ServiceWatcher", "Systemd", "read_state"]
