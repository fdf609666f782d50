"""WIRING: settings into objects; the only part that knows every other.

`cycles` is for whoever runs cycles, `library` for whoever only reads, `daemon` for the daemon, `vendor` for who only
asks the vendor. Adapters get plain values, never the settings. What is costly to import and not needed by every command
is imported where it is used.
"""

from backupd.app.cycles import App, open_app
from backupd.app.daemon import recipients, serve, tell_of_failure, telling
from backupd.app.library import (
    Library,
    caretaker,
    open_journal,
    open_library,
    open_records,
    open_survey,
    rebuild_catalog,
)
from backupd.app.surroundings import Surroundings
from backupd.app.vendor import authorize, open_vendor
from backupd.clock import SystemClock

__all__ = [
    "App",
    "Library",
    "Surroundings",
    "SystemClock",
    "authorize",
    "caretaker",
    "open_app",
    "open_journal",
    "open_library",
    "open_records",
    "open_survey",
    "open_vendor",
    "rebuild_catalog",
    "recipients",
    "serve",
    "tell_of_failure",
    "telling",
]
