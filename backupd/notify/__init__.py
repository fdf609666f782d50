"""Tells others how it is: people by messages, watchers by heartbeats, systemd, and `backupd status` by a file."""

from backupd.notify.outbox import Outbox, Recipients
from backupd.notify.statefile import ServiceState, read_state
from backupd.notify.systemd import Systemd
from backupd.notify.watcher import ServiceWatcher

__all__ = ["Outbox", "Recipients", "ServiceState", "ServiceWatcher", "Systemd", "read_state"]
